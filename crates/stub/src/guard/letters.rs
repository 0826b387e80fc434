//! Letters by the first word of their names in Unicode 15.0, which is what the real server takes for their script.
//!
//! It must not know why they are asked for.

use std::sync::LazyLock;

use regex::Regex;

/// First and last code points, in order.
type Ranges = &'static [(u32, u32)];

/// Beyond ASCII. Letters whose names begin with FULLWIDTH, MODIFIER, FEMININE or the like are not among them.
const LATIN: Ranges = &[
    (0xc0, 0xd6),
    (0xd8, 0xf6),
    (0xf8, 0x2af),
    (0x1d00, 0x1d25),
    (0x1d62, 0x1d65),
    (0x1d6b, 0x1d77),
    (0x1d79, 0x1d9a),
    (0x1e00, 0x1eff),
    (0x2090, 0x209c),
    (0x2184, 0x2184),
    (0x2c60, 0x2c7c),
    (0x2c7e, 0x2c7f),
    (0xa722, 0xa76f),
    (0xa771, 0xa787),
    (0xa78b, 0xa7ca),
    (0xa7d0, 0xa7d1),
    (0xa7d3, 0xa7d3),
    (0xa7d5, 0xa7d9),
    (0xa7f5, 0xa7f7),
    (0xa7fa, 0xa7ff),
    (0xab30, 0xab5a),
    (0xab60, 0xab64),
    (0xab66, 0xab68),
    (0xfb00, 0xfb06),
    (0x1df00, 0x1df1e),
    (0x1df25, 0x1df2a),
];

/// CYRILLIC, GREEK and ARMENIAN.
const LOOKALIKE: Ranges = &[
    (0x370, 0x374),
    (0x376, 0x377),
    (0x37a, 0x37d),
    (0x37f, 0x37f),
    (0x386, 0x386),
    (0x388, 0x38a),
    (0x38c, 0x38c),
    (0x38e, 0x3a1),
    (0x3a3, 0x3e1),
    (0x3f0, 0x3f5),
    (0x3f7, 0x481),
    (0x48a, 0x52f),
    (0x531, 0x556),
    (0x559, 0x559),
    (0x560, 0x588),
    (0x1c80, 0x1c88),
    (0x1d26, 0x1d2b),
    (0x1d66, 0x1d6a),
    (0x1f00, 0x1f15),
    (0x1f18, 0x1f1d),
    (0x1f20, 0x1f45),
    (0x1f48, 0x1f4d),
    (0x1f50, 0x1f57),
    (0x1f59, 0x1f59),
    (0x1f5b, 0x1f5b),
    (0x1f5d, 0x1f5d),
    (0x1f5f, 0x1f7d),
    (0x1f80, 0x1fb4),
    (0x1fb6, 0x1fbc),
    (0x1fbe, 0x1fbe),
    (0x1fc2, 0x1fc4),
    (0x1fc6, 0x1fcc),
    (0x1fd0, 0x1fd3),
    (0x1fd6, 0x1fdb),
    (0x1fe0, 0x1fec),
    (0x1ff2, 0x1ff4),
    (0x1ff6, 0x1ffc),
    (0xa640, 0xa66e),
    (0xa67f, 0xa69b),
    (0xab65, 0xab65),
    (0xfb13, 0xfb17),
    (0x1e051, 0x1e06a),
];

/// Tangut ideographs, which have no names in Python's data, unlike other ideographs.
const NAMELESS: Ranges = &[(0x17000, 0x187f7), (0x18d00, 0x18d08)];

static DIGIT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\d&&\p{age=15.0}]").expect("a right pattern"));

fn within(ranges: Ranges, c: char) -> bool {
    let code = u32::from(c);
    let place = ranges.partition_point(|(_, last)| *last < code);
    ranges.get(place).is_some_and(|(first, _)| *first <= code)
}

/// Whether its name begins with LATIN.
pub(super) fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || within(LATIN, c)
}

/// Whether its name begins with CYRILLIC, GREEK or ARMENIAN.
pub(super) fn is_lookalike(c: char) -> bool {
    within(LOOKALIKE, c)
}

/// Whether it is a letter without a name.
pub(super) fn is_nameless(c: char) -> bool {
    within(NAMELESS, c)
}

/// Whether there is a decimal digit of any script in the text.
pub(super) fn holds_digit(text: &str) -> bool {
    text.contains(char::is_numeric) && DIGIT.is_match(text)
}
