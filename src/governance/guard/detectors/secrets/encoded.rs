//! Base64 as far as detectors need it: the first bytes of what was encoded.

/// At most so many bytes are decoded: enough for a token's header or a key's first line.
const MOST: usize = 384;

/// What a base64 text, of either alphabet, begins with; `None` where a byte is no base64.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len().min(MOST * 4 / 3) * 3 / 4);
    let mut bits = 0_u32;
    let mut count = 0;
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).unwrap_or_default());
        }
        if out.len() >= MOST {
            break;
        }
    }
    Some(out)
}
