//! A text as a QR code, so that a phone takes it over without typing.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// Modules that stay light around the code: readers need them to find it.
const MARGIN: usize = 4;

/// The code as a drawing that says `label` to whoever cannot see it; none for a text that is too long for one.
pub(super) fn draw(text: &str, label: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let side = width + 2 * MARGIN;
    let mut svg = format!(
        "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"{label}\"><path d=\""
    );
    for (row, modules) in code.to_colors().chunks(width).enumerate() {
        let mut column = 0;
        for stretch in modules.chunk_by(|one, next| one == next) {
            if stretch[0] == Color::Dark {
                let (x, y, long) = (column + MARGIN, row + MARGIN, stretch.len());
                let _ = write!(svg, "M{x} {y}h{long}v1h-{long}z");
            }
            column += stretch.len();
        }
    }
    svg.push_str("\"/></svg>");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_corners_and_a_light_margin() {
        let svg = draw("otpauth://totp/Carillon:ann?secret=GEZDGNBVGY3TQOJQ", "key").unwrap();

        // The upper edge of two of the three corners, seven modules wide; nothing stands above or left of them.
        let side: usize = svg
            .split_once("viewBox=\"0 0 ")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
            .unwrap();
        assert!(svg.contains("\"M4 4h7v1h-7z"), "{svg}");
        assert!(svg.contains(&format!("M{} 4h7v1h-7z", side - 11)), "{svg}");
        assert!(!svg.contains(" 3h") && !svg.contains("M3 "), "{svg}");
        assert_eq!(draw(&"x".repeat(4000), "key"), None);
    }
}
