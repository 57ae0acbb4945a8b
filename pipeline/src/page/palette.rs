//! The colours of reports: each by day and by night.
//!
//! A picture is drawn in the colours of the day; a page's style then gives those that it knows their colour of the night. So a picture that is
//! kept beside the page looks right too, and no picture is drawn twice.

use std::fmt::Write;

use plotters::style::RGBColor;

/// A colour with its two spellings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Its name in the page's style.
    pub name: &'static str,
    /// By day: red, green, blue.
    pub day: (u8, u8, u8),
    /// By night.
    pub night: (u8, u8, u8),
}

/// What everything stands on.
pub const SURFACE: Colour = Colour::new("surface", 0xfc_fc_fb, 0x1a_1a_19);
/// Text that matters.
pub const INK: Colour = Colour::new("ink", 0x0b_0b_0b, 0xff_ff_ff);
/// Text beside it: axes, captions.
pub const SOFT: Colour = Colour::new("soft", 0x52_51_4e, 0xc3_c2_b7);
/// Lines that guide the eye.
pub const GRID: Colour = Colour::new("grid", 0xe1_e0_d9, 0x2c_2c_2a);
/// A series that is there for comparison only.
pub const GREY: Colour = Colour::new("grey", 0x89_87_81, 0x8a_88_82);

/// Colours of series, in the order in which to take them; neighbours differ for every kind of colour blindness.
pub const SERIES: [Colour; 8] = [
    Colour::new("blue", 0x2a_78_d6, 0x39_87_e5),
    Colour::new("orange", 0xeb_68_34, 0xd9_59_26),
    Colour::new("aqua", 0x1b_af_7a, 0x19_9e_70),
    Colour::new("violet", 0x4a_3a_a7, 0x90_85_e9),
    Colour::new("yellow", 0xed_a1_00, 0xc9_85_00),
    Colour::new("magenta", 0xe8_7b_a4, 0xd5_51_81),
    Colour::new("green", 0x00_83_00, 0x01_83_01),
    Colour::new("red", 0xe3_49_48, 0xe6_67_67),
];

impl Colour {
    const fn new(name: &'static str, day: u32, night: u32) -> Self {
        Self { name, day: split(day), night: split(night) }
    }

    /// What a picture is drawn with.
    pub const fn rgb(self) -> RGBColor {
        RGBColor(self.day.0, self.day.1, self.day.2)
    }
}

/// The style that gives names to the colours, and pictures their colours of the night.
pub(super) fn css() -> String {
    let all = || [SURFACE, INK, SOFT, GRID, GREY].into_iter().chain(SERIES);
    let variables = |of: fn(Colour) -> (u8, u8, u8)| {
        all().fold(String::new(), |css, colour| css + &format!("--{}:{};", colour.name, hex(of(colour))))
    };
    let (day, night) = (variables(|colour| colour.day), variables(|colour| colour.night));
    let mut css = format!(
        ":root{{{day}}}\n@media (prefers-color-scheme:dark){{:root{{{night}}}}}\n@media print{{:root{{{day}}}}}\n"
    );
    for colour in all() {
        let (name, drawn) = (colour.name, hex(colour.day));
        // Writing to a string cannot fail.
        let _ = writeln!(
            css,
            "figure svg [fill=\"{drawn}\"]{{fill:var(--{name})}}figure svg [stroke=\"{drawn}\"]{{stroke:var(--{name})}}"
        );
    }
    css
}

/// As the drawing library spells it, which the style must match.
fn hex((red, green, blue): (u8, u8, u8)) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

const fn split(colour: u32) -> (u8, u8, u8) {
    let [_, red, green, blue] = colour.to_be_bytes();
    (red, green, blue)
}
