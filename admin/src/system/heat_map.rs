//! The load of the coming day as a picture: planned fires by hour and five minutes.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::forecast::CELL_S;
use crate::moment::{Moments, in_zone};
use crate::words::fill;

/// Four steps of strength; the number of an hour is in its title.
const STRENGTHS: [&str; 5] = [".06", ".25", ".5", ".75", "1"];
const CELLS_AN_HOUR: usize = 12;

/// Draws how many fire in each cell from `first` on: a column an hour. What has passed of the first hour is left empty.
pub(super) fn draw(mut counts: Vec<usize>, first: Timestamp, moments: &Moments) -> String {
    let past = moments.now.duration_since(first).as_secs() / CELL_S;
    let past = usize::try_from(past).unwrap_or(0);
    counts.iter_mut().take(past).for_each(|count| *count = 0);
    let top = counts.iter().copied().max().unwrap_or(0);
    let label = fill(moments.words.system.heat_alt, &[&top]);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 1000 170\" role=\"img\" aria-label=\"{label}\">"
    );
    for (column, (hour, cells)) in (0..).zip(counts.chunks(CELLS_AN_HOUR)).enumerate() {
        let time = first + SignedDuration::from_hours(hour);
        draw_hour(
            &mut svg,
            cells,
            top,
            40 + column * 40,
            &in_zone(time, &moments.zone, "%H"),
        );
    }
    for (minute, y) in [(0, 151), (15, 115), (30, 79), (45, 43)] {
        let _ = write!(
            svg,
            "<text x=\"34\" y=\"{y}\" text-anchor=\"end\">:{minute:02}</text>"
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Draws one column from below, cells of the same strength as one path.
fn draw_hour(svg: &mut String, cells: &[usize], top: usize, x: usize, hour: &str) {
    let mut paths: [String; STRENGTHS.len()] = Default::default();
    for (cell, count) in cells.iter().enumerate() {
        let strength = match count {
            0 => 0,
            count => (count * 4).div_ceil(top.max(1)).clamp(1, 4),
        };
        let _ = write!(paths[strength], "M{x} {}h37v10h-37z", 142 - cell * 12);
    }
    let _ = write!(
        svg,
        "<g><title>{hour}:00 {}</title>",
        cells.iter().sum::<usize>()
    );
    for (path, opacity) in paths.iter().zip(STRENGTHS) {
        if !path.is_empty() {
            let _ = write!(
                svg,
                "<path class=\"heat\" fill-opacity=\"{opacity}\" d=\"{path}\"/>"
            );
        }
    }
    let _ = write!(svg, "</g><text x=\"{x}\" y=\"167\">{hour}</text>");
}

/// The beginning of the present hour in the viewer's zone.
pub(super) fn first_hour(moments: &Moments) -> Timestamp {
    let zoned = moments.now.to_zoned(moments.zone.clone());
    let past = i64::from(zoned.minute()) * 60 + i64::from(zoned.second());
    let first = moments.now.checked_sub(past.seconds());
    first.unwrap_or(moments.now)
}
