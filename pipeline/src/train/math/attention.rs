//! Causal attention over prompts of any lengths laid one after the other, and its derivative.
//!
//! Prompts are short (tens of tokens), so that a head's scores are dot products of whole head vectors and nothing is padded.

use std::ops::Range;

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

/// One head of one query: the query's row among the queries, the first row of its prompt, and how many rows it sees.
#[derive(Clone, Copy)]
struct Query {
    row: usize,
    first: usize,
    seen: usize,
    head: usize,
}

/// What went into a forward pass.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// asked x width.
    pub queries: &'a [f32],
    /// rows x 2 width: key, then value.
    pub pairs: &'a [f32],
}

impl Attention<'_> {
    /// Answers each query, in `out` (asked x width). The weights that each query gave are kept in `shares`.
    pub fn forward(&self, inputs: Inputs<'_>, out: &mut [f32], shares: &mut Vec<f32>) {
        shares.clear();
        out.fill(0.0);
        widest(
            #[inline(always)]
            || {
                for query in self.queries() {
                    let from = shares.len();
                    let asked = &inputs.queries[self.place(query)];
                    shares.extend(query.rows().map(|row| dot(asked, &inputs.pairs[self.key(query, row)])));
                    softmax(&mut shares[from..], self.scale());
                    let out = &mut out[self.place(query)];
                    for (share, row) in shares[from..].iter().zip(query.rows()) {
                        add_scaled(out, *share, &inputs.pairs[self.value(query, row)]);
                    }
                }
            },
        );
    }

    /// The derivative: from `d_out`, with what went in and the `shares` of the forward pass.
    pub fn backward(&self, d_out: &[f32], inputs: Inputs<'_>, shares: &[f32], into: &mut Gradients<'_>) {
        into.queries.fill(0.0);
        into.pairs.fill(0.0);
        let mut scores = Vec::new();
        let mut from = 0;
        widest(
            #[inline(always)]
            || {
                for query in self.queries() {
                    let shares = &shares[from..from + query.seen];
                    from += query.seen;
                    let d_out = &d_out[self.place(query)];
                    scores.clear();
                    scores.extend(query.rows().map(|row| dot(d_out, &inputs.pairs[self.value(query, row)])));
                    self.score_gradients(shares, &mut scores);
                    for (share, row) in shares.iter().zip(query.rows()) {
                        add_scaled(&mut into.pairs[self.value(query, row)], *share, d_out);
                    }
                    let asked = &inputs.queries[self.place(query)];
                    let d_asked = &mut into.queries[self.place(query)];
                    for (score, row) in scores.iter().zip(query.rows()) {
                        add_scaled(d_asked, *score, &inputs.pairs[self.key(query, row)]);
                        add_scaled(&mut into.pairs[self.key(query, row)], *score, asked);
                    }
                }
            },
        );
    }

    /// Turns what each share would gain into the gradients of the scores.
    #[inline(always)]
    fn score_gradients(&self, shares: &[f32], gains: &mut [f32]) {
        let mean = dot(shares, gains);
        for (gain, share) in gains.iter_mut().zip(shares) {
            *gain = share * (*gain - mean) * self.scale();
        }
    }

    /// Every head of every query, in the order in which their shares are kept.
    #[inline(always)]
    fn queries(&self) -> impl Iterator<Item = Query> + '_ {
        let firsts = std::iter::once(&0).chain(self.ends);
        firsts.zip(self.ends).enumerate().flat_map(move |(prompt, (&first, &end))| {
            let lasts = if self.asked == Asked::All { first..end } else { end - 1..end };
            lasts.flat_map(move |last| {
                let row = if self.asked == Asked::All { last } else { prompt };
                (0..self.heads).map(move |head| Query { row, first, seen: last + 1 - first, head })
            })
        })
    }

    fn head_width(&self) -> usize {
        self.width / self.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_width() as f32).sqrt()
    }

    /// Where a query's head stands among the queries.
    #[inline(always)]
    fn place(&self, query: Query) -> Range<usize> {
        let from = query.row * self.width + query.head * self.head_width();
        from..from + self.head_width()
    }

    /// Where a row's key of the query's head stands among the pairs.
    #[inline(always)]
    fn key(&self, query: Query, row: usize) -> Range<usize> {
        let from = row * 2 * self.width + query.head * self.head_width();
        from..from + self.head_width()
    }

    /// Where its value stands.
    #[inline(always)]
    fn value(&self, query: Query, row: usize) -> Range<usize> {
        let key = self.key(query, row);
        key.start + self.width..key.end + self.width
    }
}

impl Query {
    /// The rows that it sees.
    #[inline(always)]
    fn rows(self) -> Range<usize> {
        self.first..self.first + self.seen
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
