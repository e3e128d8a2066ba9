//! The shape of a set of values: all, every n-th, or stretches.

/// How a person would say a set of values of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Every,
    /// `first`, `first + step`, … to the end of the field; at least three values.
    Step {
        first: u32,
        step: u32,
    },
    /// Stretches in order; in the last one `last < first` when it goes round.
    Spans(Vec<Span>),
}

/// Values from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Pattern {
    pub(super) fn of_mask(mask: u64, min: u32, max: u32) -> Pattern {
        let values: Vec<u32> = (min..=max).filter(|value| mask >> value & 1 == 1).collect();
        Pattern::of_values(&values, min, max).expect("no field of a schedule is empty")
    }

    /// The pattern of ascending values; `None` when there are none.
    pub(super) fn of_values(values: &[u32], min: u32, max: u32) -> Option<Pattern> {
        let (&first, &last) = (values.first()?, values.last()?);
        if values.len() as u32 == max - min + 1 {
            return Some(Pattern::Every);
        }
        let step = values.get(1).map_or(0, |second| second - first);
        let is_even = values.windows(2).all(|pair| pair[1] - pair[0] == step);
        if values.len() > 2 && step > 1 && is_even && first - min < step && last + step > max {
            return Some(Pattern::Step { first, step });
        }
        Some(Pattern::Spans(spans_of(values, min, max)))
    }

    /// The only value, if there is one only.
    pub(super) fn one(&self) -> Option<u32> {
        match self {
            Pattern::Spans(spans) => match spans[..] {
                [Span { first, last }] if first == last => Some(first),
                _ => None,
            },
            Pattern::Every | Pattern::Step { .. } => None,
        }
    }
}

/// Stretches of neighbours; two neighbours are told as two values, three as a stretch.
fn spans_of(values: &[u32], min: u32, max: u32) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for &value in values {
        match spans.last_mut() {
            Some(span) if span.last + 1 == value => span.last = value,
            Some(_) | None => spans.push(Span {
                first: value,
                last: value,
            }),
        }
    }
    // 0-2 and 22-23 are 22-2 of a field that goes round.
    if let [start, .., end] = spans[..]
        && start.first == min
        && end.last == max
    {
        spans.remove(0);
        let place = spans.len() - 1;
        spans[place].last = start.last;
    }
    spans
        .into_iter()
        .flat_map(|span| loosen(span, min, max))
        .collect()
}

fn loosen(span: Span, min: u32, max: u32) -> Vec<Span> {
    let next = if span.first == max {
        min
    } else {
        span.first + 1
    };
    if span.first != span.last && next == span.last {
        return [span.first, span.last]
            .map(|value| Span {
                first: value,
                last: value,
            })
            .to_vec();
    }
    vec![span]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(values: &[u32]) -> Pattern {
        Pattern::of_values(values, 0, 23).unwrap()
    }

    #[test]
    fn shapes_are_found_again() {
        let span = |first, last| Span { first, last };
        assert_eq!(
            pattern(&[0, 6, 12, 18]),
            Pattern::Step { first: 0, step: 6 }
        );
        assert_eq!(
            pattern(&[0, 6, 12]),
            Pattern::Spans(vec![span(0, 0), span(6, 6), span(12, 12)])
        );
        assert_eq!(
            pattern(&[9, 10, 11, 15]),
            Pattern::Spans(vec![span(9, 11), span(15, 15)])
        );
        assert_eq!(
            pattern(&[0, 1, 2, 22, 23]),
            Pattern::Spans(vec![span(22, 2)])
        );
        assert_eq!(
            pattern(&[4, 5]),
            Pattern::Spans(vec![span(4, 4), span(5, 5)])
        );
        assert_eq!(pattern(&(0..24).collect::<Vec<_>>()), Pattern::Every);
        assert_eq!(pattern(&[7]).one(), Some(7));
    }
}
