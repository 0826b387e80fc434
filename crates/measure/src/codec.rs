//! Histograms as text: HdrHistogram's V2 payload, deflated, in base64.
//!
//! It works on the buckets that hold any, not on all of the layout, because a second of one entry
//! holds a few dozen of 33,000. It must not know what the counts mean.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::histogram::{BUCKETS, Count, DIGITS, HIGHEST_NS};

/// Marks a payload of the second version.
const COOKIE: u32 = 0x1c84_9313;
/// Marks a deflated payload of the second version.
const COOKIE_DEFLATED: u32 = 0x1c84_9314;
/// Cookie and length.
const FRAME_BYTES: usize = 8;
/// Cookie, length, offset, digits, lowest, highest, ratio.
const HEADER_BYTES: usize = 40;
/// A count takes at most 9 bytes.
const PAYLOAD_BYTES_MAX: usize = HEADER_BYTES + 9 * BUCKETS;

/// Why a text is not a histogram of our layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodecError {
    #[error("a histogram is not base64")]
    Base64,
    #[error("a histogram is not deflated HdrHistogram V2")]
    Frame,
    #[error("a histogram has another layout than 1 ns to 1 h with 3 digits")]
    Layout,
    #[error("a histogram's counts do not fit its layout")]
    Counts,
}

/// Writes histograms; keeps its buffers.
#[derive(Debug)]
pub(crate) struct Encoder {
    deflate: Compress,
    payload: Vec<u8>,
    frame: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self { deflate: Compress::new(Compression::default(), true), payload: Vec::new(), frame: Vec::new() }
    }

    /// The text of counts that are sorted by bucket.
    pub(crate) fn encode(&mut self, counts: &[Count]) -> String {
        write_payload(&mut self.payload, counts);
        // Deflate grows what it cannot shrink by 5 bytes a 16 KiB block; with a kilobyte to spare it ends.
        let room = FRAME_BYTES + self.payload.len() + self.payload.len() / 1_000 + 1_024;
        if self.frame.len() < room {
            self.frame.resize(room, 0);
        }
        self.deflate.reset();
        let (head, deflated) = self.frame.split_at_mut(FRAME_BYTES);
        let status = self.deflate.compress(&self.payload, deflated, FlushCompress::Finish);
        assert_eq!(status.ok(), Some(Status::StreamEnd), "the buffer holds the worst case");
        let length = u32::try_from(self.deflate.total_out()).expect("a payload is at most 300 kB");
        head[..4].copy_from_slice(&COOKIE_DEFLATED.to_be_bytes());
        head[4..].copy_from_slice(&length.to_be_bytes());
        STANDARD.encode(&self.frame[..FRAME_BYTES + length as usize])
    }
}

fn write_payload(payload: &mut Vec<u8>, counts: &[Count]) {
    payload.clear();
    payload.extend_from_slice(&COOKIE.to_be_bytes());
    payload.extend_from_slice(&[0; 8]);
    payload.extend_from_slice(&DIGITS.to_be_bytes());
    payload.extend_from_slice(&1u64.to_be_bytes());
    payload.extend_from_slice(&HIGHEST_NS.to_be_bytes());
    payload.extend_from_slice(&1f64.to_be_bytes());
    let mut next = 0;
    for &(bucket, count) in counts {
        match i64::from(bucket - next) {
            0 => {}
            1 => write_number(payload, 0),
            empty => write_number(payload, -empty),
        }
        write_number(payload, i64::try_from(count).unwrap_or(i64::MAX));
        next = bucket + 1;
    }
    let length = u32::try_from(payload.len() - HEADER_BYTES).expect("a payload is at most 300 kB");
    payload[4..8].copy_from_slice(&length.to_be_bytes());
}

/// Zigzag, then 7 bits a byte, low ones first; a ninth byte holds 8 bits.
fn write_number(payload: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    for _ in 0..8 {
        if rest < 0x80 {
            payload.push(rest as u8);
            return;
        }
        payload.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    payload.push(rest as u8);
}

/// Reads histograms; keeps its buffers.
#[derive(Debug)]
pub(crate) struct Decoder {
    inflate: Decompress,
    frame: Vec<u8>,
    /// Always as long as a payload can be: a longer one is refused, and nothing is cleared in between.
    payload: Box<[u8]>,
    counts: Vec<Count>,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self {
            inflate: Decompress::new(true),
            frame: Vec::new(),
            payload: vec![0; PAYLOAD_BYTES_MAX].into_boxed_slice(),
            counts: Vec::new(),
        }
    }

    /// The counts of a text, sorted by bucket, until the next call.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn decode(&mut self, text: &str) -> Result<&[Count], CodecError> {
        self.frame.clear();
        STANDARD.decode_vec(text, &mut self.frame).map_err(|_| CodecError::Base64)?;
        let (head, deflated) = self.frame.split_at_checked(FRAME_BYTES).ok_or(CodecError::Frame)?;
        if head[..4] != COOKIE_DEFLATED.to_be_bytes() || head[4..] != (deflated.len() as u32).to_be_bytes() {
            return Err(CodecError::Frame);
        }
        self.inflate.reset(true);
        let status = self.inflate.decompress(deflated, &mut self.payload, FlushDecompress::Finish);
        if status.ok() != Some(Status::StreamEnd) {
            return Err(CodecError::Frame);
        }
        let length = usize::try_from(self.inflate.total_out()).map_err(|_| CodecError::Frame)?;
        read_payload(&self.payload[..length], &mut self.counts)?;
        Ok(&self.counts)
    }
}

fn read_payload(payload: &[u8], counts: &mut Vec<Count>) -> Result<(), CodecError> {
    let (header, mut rest) = payload.split_at_checked(HEADER_BYTES).ok_or(CodecError::Frame)?;
    if header[..4] != COOKIE.to_be_bytes() || header[4..8] != (rest.len() as u32).to_be_bytes() {
        return Err(CodecError::Frame);
    }
    let mut expected = Vec::with_capacity(HEADER_BYTES);
    write_payload(&mut expected, &[]);
    if header[8..] != expected[8..] {
        return Err(CodecError::Layout);
    }
    counts.clear();
    let mut next: u64 = 0;
    while !rest.is_empty() {
        let number = read_number(&mut rest).ok_or(CodecError::Counts)?;
        if number > 0 {
            let bucket = u32::try_from(next).ok().filter(|&bucket| (bucket as usize) < BUCKETS);
            counts.push((bucket.ok_or(CodecError::Counts)?, number.cast_unsigned()));
        }
        next = next.saturating_add(if number < 0 { number.unsigned_abs() } else { 1 });
    }
    Ok(())
}

fn read_number(bytes: &mut &[u8]) -> Option<i64> {
    let mut raw: u64 = 0;
    for at in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if at == 8 || byte < 0x80 {
            raw |= u64::from(byte) << (7 * at);
            break;
        }
        raw |= u64::from(byte & 0x7f) << (7 * at);
    }
    Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram as Reference;
    use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer, V2Serializer};
    use proptest::prelude::*;

    use super::*;
    use crate::histogram::bucket_of;

    fn sorted(times: &[(u64, u64)]) -> Vec<Count> {
        let mut counts = std::collections::BTreeMap::new();
        for &(ns, count) in times {
            *counts.entry(bucket_of(ns)).or_default() += count;
        }
        counts.into_iter().collect()
    }

    fn reference(times: &[(u64, u64)]) -> Reference<u64> {
        let mut reference = Reference::new_with_bounds(1, HIGHEST_NS, 3).unwrap();
        for &(ns, count) in times {
            reference.record_n(ns, count).unwrap();
        }
        reference
    }

    fn any_times() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let ns = (0u32..42, any::<u64>()).prop_map(|(bits, raw)| (raw & ((1 << bits) - 1)).min(HIGHEST_NS));
        let count = (0u32..58, any::<u64>()).prop_map(|(bits, raw)| (raw & ((1 << bits) - 1)).max(1));
        prop::collection::vec((ns, count), 1..200)
    }

    proptest! {
        #[test]
        fn the_payload_is_the_references_to_the_byte(times in any_times()) {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            write_payload(&mut ours, &sorted(&times));
            V2Serializer::new().serialize(&reference(&times), &mut theirs).unwrap();
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn the_reference_reads_what_we_write(times in any_times()) {
            let text = Encoder::new().encode(&sorted(&times));
            let bytes = STANDARD.decode(text).unwrap();
            let read: Reference<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            prop_assert_eq!(read, reference(&times));
        }

        #[test]
        fn we_read_what_the_reference_writes(times in any_times()) {
            let mut bytes = Vec::new();
            V2DeflateSerializer::new().serialize(&reference(&times), &mut bytes).unwrap();
            let mut decoder = Decoder::new();
            let read = decoder.decode(&STANDARD.encode(bytes)).map(<[Count]>::to_vec);
            prop_assert_eq!(read, Ok(sorted(&times)));
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(times in any_times(), at: prop::sample::Index, byte: u8) {
            let mut text = Encoder::new().encode(&sorted(&times)).into_bytes();
            let at = at.index(text.len());
            text[at] = byte;
            let _ = Decoder::new().decode(&String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn what_is_not_ours_is_refused_by_name() {
        let mut other = Vec::new();
        let layout = Reference::<u64>::new_with_bounds(1, 1_000, 2).unwrap();
        V2DeflateSerializer::new().serialize(&layout, &mut other).unwrap();
        let mut decoder = Decoder::new();
        assert_eq!(decoder.decode(&STANDARD.encode(other)), Err(CodecError::Layout));
        assert_eq!(decoder.decode("?"), Err(CodecError::Base64));
        assert_eq!(decoder.decode("AAAA"), Err(CodecError::Frame));
        assert_eq!(decoder.decode(""), Err(CodecError::Frame));
    }
}
