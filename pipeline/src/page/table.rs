//! A table of a page: text on the left, figures on the right, their intervals beside them.
//!
//! It shows figures and compares none: what is best is said by who knows what better means.

use super::escape;

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<(RowKind, Vec<Cell>)>,
    note: String,
}

/// What stands in a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    text: String,
    /// Smaller, after the text: an interval, a unit.
    beside: String,
    /// A share of the cell's width, drawn as a bar behind the text.
    bar: Option<f64>,
    is_figure: bool,
    is_best: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum RowKind {
    Group,
    Plain,
}

impl Table {
    /// A table with the names of its columns.
    pub fn new<S: Into<String>>(head: impl IntoIterator<Item = S>) -> Self {
        Self { head: head.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Adds a row: as many cells as there are columns.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> &mut Self {
        self.rows.push((RowKind::Plain, cells.into_iter().collect()));
        self
    }

    /// Adds a line over the rows that follow.
    pub fn group(&mut self, name: &str) -> &mut Self {
        self.rows.push((RowKind::Group, vec![Cell::text(name)]));
        self
    }

    /// What stands under the table.
    pub fn note(&mut self, note: &str) -> &mut Self {
        note.clone_into(&mut self.note);
        self
    }

    pub(super) fn html(&self) -> String {
        let head = |(at, name): (usize, &String)| {
            let class = if self.column_is_figures(at) { " class=\"figure\"" } else { "" };
            format!("<th scope=\"col\"{class}>{}</th>", escape(name))
        };
        let head: String = self.head.iter().enumerate().map(head).collect();
        let rows: String = self.rows.iter().map(|row| self.row_html(row)).collect();
        let note =
            if self.note.is_empty() { String::new() } else { format!("<p class=\"note\">{}</p>", escape(&self.note)) };
        format!(
            "<div class=\"wide\" tabindex=\"0\"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n{note}\n"
        )
    }

    fn row_html(&self, (kind, cells): &(RowKind, Vec<Cell>)) -> String {
        if *kind == RowKind::Group {
            let name = cells.first().map_or("", |cell| &cell.text);
            return format!("<tr class=\"group\"><th colspan=\"{}\">{}</th></tr>\n", self.head.len(), escape(name));
        }
        format!("<tr>{}</tr>\n", cells.iter().map(Cell::html).collect::<String>())
    }

    fn column_is_figures(&self, at: usize) -> bool {
        let plain = self.rows.iter().filter(|(kind, _)| *kind == RowKind::Plain);
        plain.filter_map(|(_, cells)| cells.get(at)).any(|cell| cell.is_figure)
    }
}

impl Cell {
    /// Text, on the left.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A figure, on the right.
    pub fn figure(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_figure: true, ..Self::default() }
    }

    /// The same, with something small beside it.
    #[must_use]
    pub fn beside(self, beside: impl Into<String>) -> Self {
        Self { beside: beside.into(), ..self }
    }

    /// The same, as the best of its column.
    #[must_use]
    pub fn best(self) -> Self {
        Self { is_best: true, ..self }
    }

    /// The same, with a bar behind it: `share` of the cell's width, from 0 to 1.
    #[must_use]
    pub fn bar(self, share: f64) -> Self {
        Self { bar: Some(share.clamp(0.0, 1.0)), ..self }
    }

    fn html(&self) -> String {
        let classes = [(self.is_figure, "figure"), (self.is_best, "best"), (self.bar.is_some(), "bar")];
        let classes: Vec<&str> = classes.into_iter().filter(|(has, _)| *has).map(|(_, class)| class).collect();
        let class = if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) };
        let bar = self.bar.map_or_else(String::new, |share| format!(" style=\"--share:{:.1}%\"", share * 100.0));
        let beside =
            if self.beside.is_empty() { String::new() } else { format!(" <small>{}</small>", escape(&self.beside)) };
        format!("<td{class}{bar}>{}{beside}</td>", escape(&self.text))
    }
}
