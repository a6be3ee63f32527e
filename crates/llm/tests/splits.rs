//! However a stream's bytes are split on their way, the deltas and the fault at its end are the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use llm::{Decoder, Delta, Fault};
use proptest::prelude::*;

/// An OpenAI stream with everything that is awkward in it.
const OPENAI: &str = "\u{feff}: ping\r\n\r\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Grüße\"}}]}\r\n\r\n\
    data:{\"choices\":[{\"delta\":{\"reasoning_content\":\"日本語\"}}]}\n\n\
    data: {\"id\": \"broken\", \n\n\
    data: {\ndata: \"choices\":[{\"delta\":{\"content\":\" 🙂\"}}]}\r\r\
    event: x\nid: 7\ndata: {}\n\n\
    data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n\
    data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":3}}\n\n\
    data: [DONE]\n\ndata: {\"error\":\"after the end\"}\n\n";

const OLLAMA: &str = "{\"message\":{\"content\":\"Grüße\"},\"done\":false}\n\
    {\"message\":{\"content\":\"\"},\"done\":false}\r\n\n\
    {broken\n\
    {\"message\":{\"thinking\":\"hm\",\"content\":\" 🙂\"},\"done\":false}\n\
    {\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"eval_count\":4}";

fn decode<'a>(
    mut decoder: Decoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Delta>, Result<(), Fault>) {
    let mut deltas = Vec::new();
    for piece in pieces {
        if let Err(fault) = decoder.push(piece, &mut deltas) {
            return (deltas, Err(fault));
        }
    }
    let end = decoder.finish(&mut deltas);
    (deltas, end)
}

fn cut_up(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|pair| bytes[pair[0]..pair[1]].to_vec())
        .collect()
}

fn same_in_any_split(
    new: fn() -> Decoder,
    bytes: &[u8],
    cuts: &[usize],
) -> Result<(), TestCaseError> {
    let whole = decode(new(), [bytes]);
    let pieces = cut_up(bytes, cuts);
    prop_assert_eq!(decode(new(), pieces.iter().map(Vec::as_slice)), whole);
    Ok(())
}

proptest! {
    #[test]
    fn openai_streams(cuts in prop::collection::vec(any::<usize>(), 0..12), until in any::<usize>()) {
        same_in_any_split(Decoder::openai, OPENAI.as_bytes(), &cuts)?;
        // Cut off anywhere, inside a character too.
        same_in_any_split(Decoder::openai, &OPENAI.as_bytes()[..until % OPENAI.len()], &cuts)?;
    }

    #[test]
    fn ollama_streams(cuts in prop::collection::vec(any::<usize>(), 0..12), until in any::<usize>()) {
        same_in_any_split(Decoder::ollama, OLLAMA.as_bytes(), &cuts)?;
        same_in_any_split(Decoder::ollama, &OLLAMA.as_bytes()[..until % OLLAMA.len()], &cuts)?;
    }

    #[test]
    fn any_json_at_all(shape in "[\\[{]\"(choices|message|error|delta|tool_calls|function)\"[:,][\\[{0-9n\"]?[\\]}]?.{0,20}") {
        // Objects of every wrong type in every place: none may panic.
        for text in [shape.clone(), format!("{{\"choices\":[{{\"delta\":{shape}}}]}}"), format!("{{\"message\":{shape}}}")] {
            let _ = decode(Decoder::openai(), [format!("data: {text}\n\n").as_bytes()]);
            let _ = decode(Decoder::ollama(), [format!("{text}\n").as_bytes()]);
        }
    }

    #[test]
    fn any_bytes_at_all(bytes in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(any::<usize>(), 0..5)) {
        same_in_any_split(Decoder::openai, &bytes, &cuts)?;
        same_in_any_split(Decoder::ollama, &bytes, &cuts)?;
    }
}

#[test]
fn byte_by_byte_and_complete() {
    let (deltas, end) = decode(Decoder::openai(), OPENAI.as_bytes().chunks(1));
    assert_eq!(end, Ok(()));
    let text: String = deltas
        .iter()
        .filter_map(|delta| match delta {
            Delta::Content(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(text, "Grüße 🙂");
    assert_eq!(
        deltas
            .iter()
            .filter(|delta| **delta == Delta::Garbled)
            .count(),
        1
    );
}

#[test]
fn a_stream_without_an_end_is_cut_wherever_it_stops() {
    let finish = OPENAI.find("\"usage\"").unwrap();
    for until in 0..finish {
        let (_, end) = decode(Decoder::openai(), [&OPENAI.as_bytes()[..until]]);
        assert_eq!(end, Err(Fault::Cut), "after {until} bytes");
    }
    for until in 0..OLLAMA.len() {
        let (_, end) = decode(Decoder::ollama(), [&OLLAMA.as_bytes()[..until]]);
        assert_eq!(end, Err(Fault::Cut), "after {until} bytes");
    }
}
