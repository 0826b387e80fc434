//! The card of the real server's agent: who it is, what it can do, and the key that checks its signatures.
//!
//! It must not know where the key comes from.

use bytes::Bytes;

/// The body of `/a2a/card`.
pub(crate) fn card(public_key: Option<&str>) -> Bytes {
    let before = concat!(
        r#"{"agent_id":"weaver-ai-agent","name":"Weaver AI Agent","version":"1.0.0","#,
        r#""description":"Multi-agent orchestration framework with A2A support","capabilities":["#,
        r#"{"name":"translation:en-es","version":"1.0.0","description":"English to Spanish translation","scopes":["execute"]},"#,
        r#"{"name":"data:processing","version":"1.0.0","description":"Data processing and analysis","scopes":["execute"]}],"#,
        r#""endpoints":{"a2a":"/a2a/message","card":"/a2a/card"},"#,
        r#""authentication":{"type":"signature","algorithm":"RS256","public_key":"#,
    );
    let after = r#"},"protocols":["a2a-v1","json-rpc-2.0"]}"#;
    format!("{before}{}{after}", serde_json::Value::from(public_key)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stands_in_it() {
        for (key, expected) in [(None, serde_json::json!(null)), (Some("a\nb"), serde_json::json!("a\nb"))] {
            let card: serde_json::Value = serde_json::from_slice(&card(key)).expect("JSON");
            assert_eq!(card["authentication"]["public_key"], expected);
            assert_eq!(card["capabilities"][1]["name"], "data:processing");
        }
    }
}
