//! YAML or JSON as values that know their lines. JSON is read as the YAML that it also is.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value};

use super::Mistake;

/// The largest file, in bytes.
pub(crate) const FILE_SIZE_MAX: usize = 32 * 1024 * 1024;
/// Values in a file, once every alias stands for what it repeats.
const VALUES_MAX: usize = 4_000_000;
/// Lists and objects inside each other.
const DEPTH_MAX: usize = 16;

/// A value and the line it begins on.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Plain(Value),
    List(Vec<Node>),
    Fields(Vec<Field>),
}

/// A named value of an object.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) node: Node,
}

impl Node {
    /// The value without its lines.
    pub(super) fn into_value(self) -> Value {
        match self.content {
            Content::Plain(value) => value,
            Content::List(nodes) => nodes.into_iter().map(Node::into_value).collect(),
            Content::Fields(fields) => {
                let values = fields
                    .into_iter()
                    .map(|field| (field.name, field.node.into_value()));
                Value::Object(values.collect::<Map<_, _>>())
            }
        }
    }

    fn count(&self) -> usize {
        match &self.content {
            Content::Plain(_) => 1,
            Content::List(nodes) => 1 + nodes.iter().map(Node::count).sum::<usize>(),
            Content::Fields(fields) => {
                1 + fields.iter().map(|field| field.node.count()).sum::<usize>()
            }
        }
    }
}

/// A list or an object that is not complete yet, with the number by which it is to be repeated.
enum Frame {
    List(usize, usize, Vec<Node>),
    Fields {
        line: usize,
        anchor: usize,
        fields: Vec<Field>,
        names: HashSet<String>,
        key: Option<(String, usize)>,
    },
}

#[derive(Default)]
struct Reader {
    frames: Vec<Frame>,
    anchored: HashMap<usize, Node>,
    values: usize,
    documents: usize,
    root: Option<Node>,
}

/// Reads a file's text; an empty one is nothing at all.
///
/// # Errors
/// With the first thing that is no YAML, or that goes beyond a limit.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Mistake> {
    if text.len() > FILE_SIZE_MAX {
        let words = format!(
            "the file has {} bytes, the limit is {FILE_SIZE_MAX}; split it by groups",
            text.len()
        );
        return Err(Mistake { line: 1, words });
    }
    let mut reader = Reader::default();
    for step in Parser::new_from_str(text) {
        let (event, span) = step.map_err(|error| Mistake {
            line: error.marker().line(),
            words: format!("this is no YAML: {}", error.info()),
        })?;
        let line = span.start.line();
        reader
            .take(event, line)
            .map_err(|words| Mistake { line, words })?;
    }
    Ok(reader.root)
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), String> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err("a second document begins here; keep one in a file".to_owned()),
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.take_scalar((text.into_owned(), style), (anchor, line), tag.as_deref())
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.as_deref())?;
                self.open(Frame::List(line, anchor, Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.as_deref())?;
                self.open(Frame::Fields {
                    line,
                    anchor,
                    fields: Vec::new(),
                    names: HashSet::new(),
                    key: None,
                })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let repeated = self.anchored.get(&anchor).cloned();
                let node = repeated.ok_or("this repeats what is not complete yet; write it out")?;
                self.values += node.count();
                self.finish(node, 0)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn take_scalar(
        &mut self,
        (text, style): (String, ScalarStyle),
        (anchor, line): (usize, usize),
        tag: Option<&Tag>,
    ) -> Result<(), String> {
        if let Some(Frame::Fields { names, key, .. }) = self.frames.last_mut()
            && key.is_none()
        {
            if !names.insert(text.clone()) {
                return Err(format!("{text:?} is here for the second time; keep one"));
            }
            *key = Some((text, line));
            return Ok(());
        }
        let value = match (style, tag) {
            (_, Some(tag)) if tag.is_yaml_core_schema() && tag.suffix == "str" => {
                Value::String(text)
            }
            (_, Some(_)) => return refuse_tag(tag),
            (ScalarStyle::Plain, None) => resolve(text),
            (_, None) => Value::String(text),
        };
        self.values += 1;
        let content = Content::Plain(value);
        self.finish(Node { line, content }, anchor)
    }

    fn open(&mut self, frame: Frame) -> Result<(), String> {
        if let Some(Frame::Fields { key: None, .. }) = self.frames.last() {
            return Err("a list or an object cannot be a name; write a word".to_owned());
        }
        self.frames.push(frame);
        match self.frames.len() > DEPTH_MAX {
            true => Err(format!(
                "lists and objects are more than {DEPTH_MAX} deep; nothing declared here is"
            )),
            false => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), String> {
        self.values += 1;
        match self.frames.pop() {
            Some(Frame::List(line, anchor, nodes)) => {
                let content = Content::List(nodes);
                self.finish(Node { line, content }, anchor)
            }
            Some(Frame::Fields {
                line,
                anchor,
                fields,
                ..
            }) => {
                let content = Content::Fields(fields);
                self.finish(Node { line, content }, anchor)
            }
            None => Ok(()),
        }
    }

    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        if self.values > VALUES_MAX {
            return Err(format!(
                "there are more than {VALUES_MAX} values up to here, repeated ones counted; split the file by groups"
            ));
        }
        if anchor != 0 {
            self.values += node.count();
            self.anchored.insert(anchor, node.clone());
        }
        match self.frames.last_mut() {
            Some(Frame::List(_, _, nodes)) => nodes.push(node),
            Some(Frame::Fields { fields, key, .. }) => match key.take() {
                Some((name, line)) => fields.push(Field { name, line, node }),
                None => return Err("a repeated value cannot be a name; write a word".to_owned()),
            },
            None => self.root = Some(node),
        }
        Ok(())
    }
}

fn refuse_tag(tag: Option<&Tag>) -> Result<(), String> {
    match tag {
        Some(tag) => Err(format!("the tag {tag} is not read here; leave it out")),
        None => Ok(()),
    }
}

/// What a word without quotes stands for, by YAML's core schema. `yes`, `on` and `022` are no switches and no numbers.
fn resolve(text: String) -> Value {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    read_number(&text).map_or(Value::String(text), Value::Number)
}

pub(super) fn read_number(text: &str) -> Option<Number> {
    let digits = text.trim_start_matches(['-', '+']);
    let is_octal = digits.len() > 1 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_octal && digits.starts_with('0') {
        return None;
    }
    let has_sign_at_most = text.len() - digits.len() <= 1;
    let may_be = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let begins = |c: char| c.is_ascii_digit() || c == '.';
    if !has_sign_at_most || !digits.starts_with(begins) || !digits.bytes().all(may_be) {
        return None;
    }
    let whole = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = whole.parse::<i64>() {
        return Some(number.into());
    }
    if let Ok(number) = whole.parse::<u64>() {
        return Some(number.into());
    }
    whole.parse::<f64>().ok().and_then(Number::from_f64)
}
