//! Inputs made from a corpus: cut, repeated, joined, sprinkled with what the decoders look for.

/// What the formats are made of, and what often breaks decoders.
const WORDS: [&[u8]; 50] = [
    b"\x1e",
    b"b",
    b"4",
    b"2probe",
    b"0",
    b"1",
    b"5",
    b"6",
    b"/",
    b",",
    b"?",
    b"-",
    b"&",
    b"=",
    b"EIO=4",
    b"transport=polling",
    b"transport=websocket",
    b"sid=",
    b"%00",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"[\"a\"]",
    b"{\"_placeholder\":true,\"num\":0}",
    b"18446744073709551615",
    b"18446744073709551616",
    b"-1",
    b"1e999",
    b"null",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x81\xfe",
    b"\x88\x82",
    b"\x00\x80\x00\x00\x00\x00",
    b"\xc3\x28",
    b"\xc1\xfe",
    b"\x00\x00\xff\xff",
    b"\x03\x00",
    b"permessage-deflate",
    b"; ",
    b", ",
    b"server_no_context_takeover",
    b"server_max_window_bits=",
    b"client_max_window_bits",
    b"15",
    "é🦀".as_bytes(),
];
const MAX_BYTES: usize = 8192;
const MAX_CHANGES: u64 = 6;

/// A source of inputs; the same seed gives the same inputs.
pub struct Mutator {
    state: u64,
}

impl Mutator {
    pub fn new(seed: u64) -> Mutator {
        Mutator { state: seed }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let (a, b) = (self.below(len + 1), self.below(len + 1));
        a.min(b)..a.max(b)
    }

    /// A changed input; now and then one of nothing but chance.
    pub fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        if self.below(20) == 0 {
            let len = self.below(64);
            return (0..len).map(|_| self.next() as u8).collect();
        }
        let mut input = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.next() % MAX_CHANGES {
            self.change(&mut input, corpus);
        }
        input.truncate(MAX_BYTES);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let range = self.range(input.len());
        let at = range.start;
        match self.below(8) {
            0 => drop(input.drain(range)),
            1 => {
                let piece = input[range].to_vec();
                input.splice(at..at, piece);
            }
            2 => {
                let piece = input[range].repeat(1 + self.below(64));
                input.splice(at..at, piece.into_iter().take(MAX_BYTES));
            }
            3 => {
                let other = &corpus[self.below(corpus.len())];
                let piece = other[self.range(other.len())].to_vec();
                input.splice(range, piece);
            }
            4 | 5 => {
                let word = WORDS[self.below(WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
            6 => {
                let bit = 1 << self.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= bit;
                }
            }
            _ => {
                let any = self.next() as u8;
                if let Some(byte) = input.get_mut(at) {
                    *byte = any;
                }
            }
        }
    }
}
