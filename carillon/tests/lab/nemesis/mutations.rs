use super::history::History;
