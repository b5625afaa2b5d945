//! Shaded cells: one path a shade, so that hundreds of cells stay small.

use crate::number::place;
use maud::{Markup, html};
use std::fmt::Write;

/// Shades from none to full.
const SHADES: usize = 10;

/// A cell of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Left and top.
    pub at: (f64, f64),
    /// Width and height.
    pub size: (f64, f64),
    /// From -1 to 1, darkest at both ends; beyond them as dark as there. `None`: nothing is known.
    pub value: Option<f64>,
}

/// The cells as paths of the classes `up0` to `up9`, from none to full, `down1` to `down9` where the value is negative,
/// and `none`.
pub fn draw(cells: impl Iterator<Item = Cell>) -> Markup {
    let (mut up, mut down, mut none) = (vec![String::new(); SHADES], vec![String::new(); SHADES], String::new());
    for cell in cells {
        let path = match cell.value {
            None => &mut none,
            Some(value) => {
                let shade = ((value.abs() * SHADES as f64) as usize).min(SHADES - 1);
                if value < 0.0 { &mut down[shade] } else { &mut up[shade] }
            }
        };
        let (left, top, width, height) = (place(cell.at.0), place(cell.at.1), place(cell.size.0 + 0.1), place(cell.size.1 + 0.1));
        let _ = write!(path, "M{left} {top}h{width}v{height}h-{width}z");
    }
    let named =
        |name: &'static str, paths: Vec<String>| paths.into_iter().enumerate().map(move |(shade, path)| (format!("{name}{shade}"), path));
    let shades = named("up", up).chain(named("down", down)).chain([("none".to_owned(), none)]);
    html! { @for (class, path) in shades { @if !path.is_empty() { path class=(class) d=(path) {} } } }
}

/// A square of rows and columns with its names, as `correlation`, `pair` and `projection` share it.
pub struct Square<'a> {
    /// Above it.
    pub title: &'a str,
    /// Names of the columns, below, left to right; empty: no names.
    pub columns: &'a [String],
    /// Names of the rows, on the left, from the top; empty: no names.
    pub rows: &'a [String],
}

/// Side of the square.
pub const SIDE: f64 = 260.0;
/// Room for names on the left and below.
pub const MARGIN: f64 = 92.0;
/// Top of the square.
pub const TOP: f64 = 22.0;
/// Characters of a name.
const NAME: usize = 14;

impl Square<'_> {
    /// Width and height of the picture.
    pub const SIZE: u32 = (SIDE + MARGIN + 24.0) as u32;

    /// Title, content, frame and names.
    pub fn around(&self, content: &Markup) -> Markup {
        let middle = |nth: usize, of: usize| (nth as f64 + 0.5) * SIDE / of as f64;
        html! {
            text.title x=(MARGIN) y="14" { (self.title) }
            (content)
            rect.frame x=(MARGIN) y=(TOP) width=(SIDE) height=(SIDE) {}
            @for (nth, name) in self.rows.iter().enumerate() {
                text.tick x=(MARGIN - 4.0) y=(place(TOP + middle(nth, self.rows.len()) + 3.0)) text-anchor="end" { (super::cut(name, NAME)) }
            }
            @for (nth, name) in self.columns.iter().enumerate() { (turned(MARGIN + middle(nth, self.columns.len()), name)) }
        }
    }
}

/// A name below the square, turned so that long ones have room.
pub fn turned(x: f64, name: &str) -> Markup {
    let at = format!("translate({} {}) rotate(-60)", place(x + 3.0), place(TOP + SIDE + 6.0));
    html! { text.tick text-anchor="end" transform=(at) { (super::cut(name, NAME)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_have_their_own_shades_and_the_unknown_is_no_shade() {
        let cell = |value| Cell { at: (0.0, 0.0), size: (10.0, 5.0), value };
        let svg = draw([Some(0.34), Some(-2.0), None, Some(0.35)].map(cell).into_iter()).into_string();
        assert_eq!(svg.matches("<path").count(), 3, "{svg}");
        assert!(svg.contains("up3") && svg.contains("down9") && svg.contains("none"), "{svg}");
    }
}
