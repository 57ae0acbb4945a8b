//! Pages as a browser gets them, against what they must hold and must not.

use super::*;

fn lines() -> Lines {
    let line = |name: &str, at: usize| Line {
        name: name.to_owned(),
        colour: palette::SERIES[at],
        points: (0..4).map(|x| Point { x: f64::from(x), y: 0.2, low: 0.1, high: 0.3 }).collect(),
    };
    Lines {
        x_name: "days".to_owned(),
        y_name: "hit@5".to_owned(),
        ticks: Vec::new(),
        lines: vec![line("a", 0), line("b<c", 1)],
    }
}

fn page() -> Page {
    let mut page = Page::new("Words & <figures>", "What was found.");
    let mut table = Table::new(["who", "hit@5"]);
    table.group("counts").row([Cell::text("\"pair\""), Cell::figure("0.25").beside("0.2 to 0.3").bar(0.5).best()]);
    page.fact("0.41", "hit@5").section("One", "First.\n\nSecond.").table(&table);
    page.section("Two", "").figure(&lines().svg().unwrap(), "A \"curve\".").section("Three", "").foot("By hand.");
    page
}

#[test]
fn text_is_escaped_everywhere() {
    let html = page().html();
    for expected in ["Words &amp; &lt;figures&gt;", "&quot;pair&quot;", "A &quot;curve&quot;.", "b&lt;c"] {
        assert!(html.contains(expected), "{expected} is missing");
    }
    for raw in ["<figures>", "b<c"] {
        assert!(!html.contains(raw), "{raw} got through");
    }
}

#[test]
fn a_page_needs_nothing_beside_it() {
    let html = page().html();
    for outside in ["http:", "https:", "<script", "<link", "@import", "url("] {
        let html = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn every_colour_that_is_drawn_has_one_for_the_night() {
    let dots = Dots {
        x_name: "hit@5".to_owned(),
        dots: vec![Dot { name: "model".to_owned(), colour: palette::SERIES[2], range: [0.3, 0.2, 0.4] }],
        mark: Some(0.25),
    };
    let css = palette::css();
    for svg in [lines().svg().unwrap(), dots.svg().unwrap()] {
        let colours: Vec<&str> = svg.split("\"#").skip(1).map(|rest| &rest[..6]).collect();
        assert!(colours.len() > 5);
        let unknown: Vec<&&str> =
            colours.iter().filter(|colour| !css.contains(&format!("fill=\"#{colour}\""))).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

#[test]
fn sections_are_listed_once_there_are_some() {
    let html = page().html();
    assert!(html.contains("<a href=\"#s3\">Three</a>") && html.contains("<h2 id=\"s3\">Three</h2>"));
    assert!(!Page::new("t", "l").section("Only", "").html().contains("<nav>"));
}
