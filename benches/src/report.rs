//! The figures as a table, as JSON and as a picture.

use std::path::Path;

use plotters::prelude::*;
use serde_json::{Value, json};

use crate::contenders::root;
use crate::loads::{Leftovers, Many};
use crate::measure::Row;

/// Writes a time with a unit.
fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..100.0 => format!("{nanoseconds:.1} ns"),
        ..10_000.0 => format!("{nanoseconds:.0} ns"),
        ..10_000_000.0 => format!("{:.0} µs", nanoseconds / 1e3),
        _ => format!("{:.1} s", nanoseconds / 1e9),
    }
}

/// Writes a table in Markdown, with a line for each workload and a column for each contender. It has the ratios, and
/// the time of the limit.
pub fn table(rows: &[Row]) -> String {
    let mut contenders: Vec<&str> = Vec::new();
    for figure in rows.iter().flat_map(|row| &row.figures) {
        if !contenders.contains(&figure.contender) {
            contenders.push(figure.contender);
        }
    }
    let mut text = format!("| | {} |\n|{}\n", contenders.join(" | "), " --- |".repeat(contenders.len() + 1));
    for row in rows {
        text += &format!("| {} |", row.workload);
        for (place, contender) in contenders.iter().enumerate() {
            text += &match row.of(contender) {
                Some(figure) if place == 0 => format!(" {} |", time(figure.nanoseconds)),
                Some(figure) => format!(" {:.2} |", figure.ratio),
                None => " |".to_owned(),
            };
        }
        text.push('\n');
    }
    text
}

/// Writes the remains of cycles as a table.
pub fn leftovers(all: &[Leftovers]) -> String {
    let mut text =
        "| a cycle with a thread-local's destructor | leaves | still mapped |\n| --- | --- | --- |\n".to_owned();
    for left in all {
        let Leftovers { contender, bytes, mapped, cycles } = left;
        text += &format!("| {contender} | {:.0} KiB | {mapped} of {cycles} |\n", bytes / 1024.0);
    }
    text
}

/// Writes the cost of a thousand plugins as a sentence.
pub fn many(many: &Many) -> String {
    let quarters: Vec<String> = many.quarters.iter().map(|bytes| format!("{:.0}", bytes / 1024.0)).collect();
    format!(
        "1,000 plugins: {} KiB each in the first, second, third and last quarter; the last took {:.2} times as long to load \
         as the first ({} and {}). For bare libraries dlopen alone takes {:.2} times as long.\n",
        quarters.join(", "),
        many.last / many.first,
        time(many.last),
        time(many.first),
        many.bare_ratio
    )
}

/// Rows as JSON.
pub fn json_rows(rows: &[Row]) -> Value {
    let figure = |row: &Row| {
        let figures = row.figures.iter().map(|figure| {
            let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
            let value = json!({ "ns": rounded(figure.nanoseconds), "ratio": rounded(figure.ratio) });
            (figure.contender.to_owned(), value)
        });
        (row.workload.clone(), Value::Object(figures.collect()))
    };
    Value::Object(rows.iter().map(figure).collect())
}

/// Writes the remains of cycles as JSON.
pub fn json_leftovers(all: &[Leftovers]) -> Value {
    let entry = |left: &Leftovers| {
        let value = json!({ "bytes": left.bytes.round(), "mapped": left.mapped, "cycles": left.cycles });
        (left.contender.to_owned(), value)
    };
    Value::Object(all.iter().map(entry).collect())
}

/// Writes the cost of a thousand plugins as JSON.
pub fn json_many(many: &Many) -> Value {
    json!({
        "resident bytes per plugin, by quarter": many.quarters,
        "first load, ns": many.first,
        "last load, ns": many.last,
        "dlopen, last to first": many.bare_ratio,
    })
}

/// Writes a value to a file beside the README.
pub fn write_json(name: &str, value: &Value) {
    let text = serde_json::to_string_pretty(value).expect("only numbers and texts") + "\n";
    std::fs::write(root().join(name), text).expect("a file beside the README");
}

/// Replaces the part of the README that has this name.
pub fn write_into_readme(part: &str, text: &str) {
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let (begin, end) = (format!("<!-- {part} -->\n"), format!("<!-- end of {part} -->"));
    let (before, rest) = readme.split_once(&begin).expect("where the part begins");
    let (_, after) = rest.split_once(&end).expect("where it ends");
    std::fs::write(path, format!("{before}{begin}\n{}\n\n{end}{after}", text.trim())).expect("the README");
}

/// Draws the cost of calls, by workload and contender.
pub fn plot(rows: &[Row], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    const COLORS: [RGBColor; 5] = [
        RGBColor(0x1b, 0x7f, 0x3b),
        RGBColor(0x7c, 0xc6, 0x8d),
        RGBColor(0xd9, 0x5f, 0x02),
        RGBColor(0x75, 0x70, 0xb3),
        RGBColor(0x99, 0x99, 0x99),
    ];
    let contenders = [crate::OURS, crate::OURS_OWN_MEMORY, crate::ABI_STABLE, crate::STABBY, crate::HOT];
    let (line, left, top) = (17, 330, 56);
    let group = line * contenders.len() as i32 + 14;
    let size = (1000, (top + group * rows.len() as i32 + 40) as u32);
    let drawing = SVGBackend::new(path, size).into_drawing_area();
    drawing.fill(&WHITE)?;
    let (least, most) = (0.5_f64, 64.0_f64);
    let width = 1000.0 - f64::from(left) - 70.0;
    let x = |ratio: f64| left + ((ratio.clamp(least, most) / least).ln() / (most / least).ln() * width) as i32;
    let text = |size: i32, color: &RGBColor| ("sans-serif", size).into_font().color(color);
    let gray = RGBColor(0x66, 0x66, 0x66);
    let title = "What a call costs, as a multiple of hand-written extern \"C\" (logarithmic; shorter is better)";
    drawing.draw(&Text::new(title, (12, 8), text(20, &BLACK)))?;
    let bottom = top + group * rows.len() as i32;
    for tick in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0] {
        let color = if tick == 1.0 { BLACK } else { RGBColor(0xdd, 0xdd, 0xdd) };
        drawing.draw(&PathElement::new(vec![(x(tick), top), (x(tick), bottom)], color.stroke_width(1)))?;
        drawing.draw(&Text::new(format!("{tick}"), (x(tick) - 6, bottom + 6), text(16, &gray)))?;
    }
    for (place, (contender, color)) in contenders.iter().zip(COLORS).enumerate() {
        let at = (left + place as i32 * 128, 34);
        drawing.draw(&Rectangle::new([at, (at.0 + 10, at.1 + 10)], color.filled()))?;
        drawing.draw(&Text::new(*contender, (at.0 + 15, at.1 - 2), text(16, &BLACK)))?;
    }
    for (number, row) in rows.iter().enumerate() {
        let start = top + group * number as i32 + 7;
        drawing.draw(&Text::new(row.workload.clone(), (12, start + group / 2 - 20), text(17, &BLACK)))?;
        let limit = format!("extern \"C\": {}", time(row.figures[0].nanoseconds));
        drawing.draw(&Text::new(limit, (12, start + group / 2 - 3), text(15, &gray)))?;
        for (place, (contender, color)) in contenders.iter().zip(COLORS).enumerate() {
            let Some(figure) = row.of(contender) else { continue };
            let y = start + place as i32 * line;
            let (from, to) = (x(1.0).min(x(figure.ratio)), x(1.0).max(x(figure.ratio)).max(x(1.0) + 2));
            drawing.draw(&Rectangle::new([(from, y), (to, y + line - 4)], color.filled()))?;
            drawing.draw(&Text::new(format!("{:.2}", figure.ratio), (to + 5, y), text(15, &gray)))?;
        }
    }
    drawing.present()?;
    Ok(())
}
