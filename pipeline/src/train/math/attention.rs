//! Causal attention over prompts of any lengths laid one after the other, and its derivative.
//!
//! Prompts are short (tens of tokens), so that a head's scores are dot products of whole head vectors and nothing is padded.

use super::vector::{add_scaled, dot, exp, widest};

/// How heads lie in rows, and which rows ask.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    /// Elements of a row of queries: all heads.
    pub width: usize,
    /// Heads.
    pub heads: usize,
    /// Where each prompt ends among the rows of keys and values.
    pub ends: &'a [usize],
    /// Whether only the last token of each prompt asks.
    pub asked: Asked,
}

/// Which tokens ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Every token, of those up to itself.
    All,
    /// The last of each prompt, of the whole prompt.
    Last,
}

/// The gradients of a derivative, laid out as what they are of.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// Of the queries.
    pub queries: &'a mut [f32],
    /// Of the keys and values.
    pub pairs: &'a mut [f32],
}

/// One query: its row among the queries, the first row of its prompt, and how many rows it sees.
#[derive(Clone, Copy)]
struct Query {
    row: usize,
    first: usize,
    seen: usize,
}

impl Attention<'_> {
    /// Answers each query: `queries` (asked x width), `pairs` (rows x 2 width: key, then value) -> `out` (asked x width). The weights that
    /// each query gave are kept in `shares`.
    pub fn forward(&self, queries: &[f32], pairs: &[f32], out: &mut [f32], shares: &mut Vec<f32>) {
        shares.clear();
        out.fill(0.0);
        widest(|| {
            for query in self.queries() {
                for head in 0..self.heads {
                    let from = shares.len();
                    let asked = self.of_query(queries, query, head);
                    shares.extend((0..query.seen).map(|at| dot(asked, self.key(pairs, query.first + at, head))));
                    softmax(&mut shares[from..], self.scale());
                    let out = &mut out[self.place(query, head)];
                    for (at, share) in shares[from..].iter().enumerate() {
                        add_scaled(out, *share, self.value(pairs, query.first + at, head));
                    }
                }
            }
        });
    }

    /// The derivative: from `d_out`, with what went in and the `shares` of the forward pass (which become the scores' gradients).
    pub fn backward(
        &self,
        d_out: &[f32],
        (queries, pairs): (&[f32], &[f32]),
        shares: &mut [f32],
        into: &mut Gradients<'_>,
    ) {
        into.queries.fill(0.0);
        into.pairs.fill(0.0);
        widest(|| {
            let mut from = 0;
            for query in self.queries() {
                for head in 0..self.heads {
                    let shares = &mut shares[from..from + query.seen];
                    from += query.seen;
                    let d_out = self.of_query(d_out, query, head);
                    self.value_gradients(d_out, pairs, (query, head), shares, into);
                    self.score_gradients(queries, pairs, (query, head), shares, into);
                }
            }
        });
    }

    /// Adds to the values' gradients and turns the shares into the gradients of the scores.
    #[inline(always)]
    fn value_gradients(
        &self,
        d_out: &[f32],
        pairs: &[f32],
        (query, head): (Query, usize),
        shares: &mut [f32],
        into: &mut Gradients<'_>,
    ) {
        let mut mean = 0.0;
        for (at, share) in shares.iter().enumerate() {
            let row = query.first + at;
            add_scaled(&mut into.pairs[self.value_place(row, head)], *share, d_out);
            mean += share * dot(d_out, self.value(pairs, row, head));
        }
        for (at, share) in shares.iter_mut().enumerate() {
            let gain = dot(d_out, self.value(pairs, query.first + at, head));
            *share *= (gain - mean) * self.scale();
        }
    }

    #[inline(always)]
    fn score_gradients(
        &self,
        queries: &[f32],
        pairs: &[f32],
        (query, head): (Query, usize),
        scores: &[f32],
        into: &mut Gradients<'_>,
    ) {
        let asked = self.of_query(queries, query, head);
        for (at, score) in scores.iter().enumerate() {
            let row = query.first + at;
            add_scaled(&mut into.queries[self.place(query, head)], *score, self.key(pairs, row, head));
            add_scaled(&mut into.pairs[self.key_place(row, head)], *score, asked);
        }
    }

    #[inline(always)]
    fn queries(&self) -> impl Iterator<Item = Query> + '_ {
        let firsts = std::iter::once(&0).chain(self.ends);
        let spans = firsts.zip(self.ends).map(|(first, end)| (*first, *end));
        let asked = self.asked;
        spans.enumerate().flat_map(move |(prompt, (first, end))| {
            let lasts = if asked == Asked::All { first..end } else { end - 1..end };
            let row = move |last: usize| if asked == Asked::All { last } else { prompt };
            lasts.map(move |last| Query { row: row(last), first, seen: last + 1 - first })
        })
    }

    fn head_width(&self) -> usize {
        self.width / self.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_width() as f32).sqrt()
    }

    #[inline(always)]
    fn place(&self, query: Query, head: usize) -> std::ops::Range<usize> {
        let from = query.row * self.width + head * self.head_width();
        from..from + self.head_width()
    }

    #[inline(always)]
    fn key_place(&self, row: usize, head: usize) -> std::ops::Range<usize> {
        let from = row * 2 * self.width + head * self.head_width();
        from..from + self.head_width()
    }

    #[inline(always)]
    fn value_place(&self, row: usize, head: usize) -> std::ops::Range<usize> {
        let place = self.key_place(row, head);
        place.start + self.width..place.end + self.width
    }

    #[inline(always)]
    fn of_query<'v>(&self, values: &'v [f32], query: Query, head: usize) -> &'v [f32] {
        &values[self.place(query, head)]
    }

    #[inline(always)]
    fn key<'v>(&self, pairs: &'v [f32], row: usize, head: usize) -> &'v [f32] {
        &pairs[self.key_place(row, head)]
    }

    #[inline(always)]
    fn value<'v>(&self, pairs: &'v [f32], row: usize, head: usize) -> &'v [f32] {
        &pairs[self.value_place(row, head)]
    }
}

/// Scores become shares that add up to 1, each score first multiplied by `scale`.
#[inline(always)]
fn softmax(scores: &mut [f32], scale: f32) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = exp((*score - highest) * scale);
        total += *score;
    }
    for score in scores {
        *score /= total;
    }
}
