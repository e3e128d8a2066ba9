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
    let scale = Scale::of(&counts);
    let top = scale.top;
    let label = fill(moments.words.system.heat_alt, &[&top]);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 1000 170\" role=\"img\" aria-label=\"{label}\">"
    );
    for (column, (hour, cells)) in (0..).zip(counts.chunks(CELLS_AN_HOUR)).enumerate() {
        let time = first + SignedDuration::from_hours(hour);
        draw_hour(
            &mut svg,
            cells,
            scale,
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

/// What the colours mean: what fires all day long is the ground that pile-ups stand on.
#[derive(Debug, Clone, Copy)]
struct Scale {
    ground: usize,
    top: usize,
}

impl Scale {
    fn of(counts: &[usize]) -> Self {
        let mut sorted: Vec<usize> = counts.iter().copied().filter(|count| *count > 0).collect();
        sorted.sort_unstable();
        // Not the least: the present cell has lost what has fired already.
        let ground = sorted.get(sorted.len() / 10).map_or(0, |least| least - 1);
        let top = sorted.last().copied().unwrap_or(0);
        Scale { ground, top }
    }

    fn strength(self, count: usize) -> usize {
        match count {
            0 => 0,
            count => {
                let above = count.saturating_sub(self.ground) * 4;
                above.div_ceil((self.top - self.ground).max(1)).clamp(1, 4)
            }
        }
    }
}

/// Draws one column from below, cells of the same strength as one path.
fn draw_hour(svg: &mut String, cells: &[usize], scale: Scale, x: usize, hour: &str) {
    let mut paths: [String; STRENGTHS.len()] = Default::default();
    for (cell, count) in cells.iter().enumerate() {
        let strength = scale.strength(*count);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pile_ups_stand_out_of_what_fires_all_day() {
        let scale = Scale::of(&[0, 90, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 204]);
        let strengths = [0, 90, 200, 202, 204].map(|count| scale.strength(count));

        assert_eq!(strengths, [0, 1, 1, 3, 4]);
        assert_eq!(Scale::of(&[0, 0]).strength(0), 0);
        assert_eq!(Scale::of(&[0, 3]).strength(3), 4);
    }
}
