//! What a key says of the string under it: a text, an id, or something that is no text.

/// What stands under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under {
    /// Texts, however deep.
    Text,
    /// Arguments of a call: JSON in a string.
    Arguments,
    /// An id, a type, a choice among words of the API.
    Label,
    /// A picture, or its address.
    Image,
    /// Sound.
    Audio,
    /// A file, its id or its address.
    File,
}

/// What stands under this key of a message, an item or a part.
#[must_use]
pub fn under(key: &[u8]) -> Under {
    match key {
        b"role"
        | b"type"
        | b"id"
        | b"tool_call_id"
        | b"tool_use_id"
        | b"call_id"
        | b"item_id"
        | b"name"
        | b"model"
        | b"status"
        | b"detail"
        | b"format"
        | b"object"
        | b"index"
        | b"phase"
        | b"encrypted_content"
        | b"encrypted_index"
        | b"signature"
        | b"media_type"
        | b"cache_control"
        | b"server_label"
        | b"approval_request_id"
        | b"environment"
        | b"container_id" => Under::Label,
        b"arguments" => Under::Arguments,
        b"image_url" | b"image" | b"screenshot" | b"b64_json" => Under::Image,
        b"input_audio" | b"audio" | b"audio_url" => Under::Audio,
        b"file" | b"file_id" | b"file_url" | b"file_data" | b"video_url" | b"video"
        | b"container" => Under::File,
        _ => Under::Text,
    }
}

/// Whether parts of this type are of a kind whose strings we know to be all there is.
pub(super) fn is_known_part(kind: &[u8]) -> bool {
    matches!(
        kind,
        b"text"
            | b"input_text"
            | b"output_text"
            | b"refusal"
            | b"summary_text"
            | b"reasoning_text"
            | b"thinking"
            | b"message"
            | b"function"
            | b"function_call"
            | b"function_call_output"
            | b"custom"
            | b"custom_tool_call"
            | b"custom_tool_call_output"
            | b"ephemeral"
            | b"json_schema"
            | b"json_object"
            | b"grammar"
            | b"content"
            // Counted by the key that holds them.
            | b"image_url"
            | b"input_image"
            | b"input_audio"
            | b"audio_url"
            | b"file"
            | b"input_file"
            | b"image_file"
            | b"video_url"
            | b"input_video"
            | b"computer_screenshot"
    )
}
