//! What a prompt holds apart from text: images, audio, and things the body only points to.
//!
//! Every key below `messages` and `input` is looked at, however deep, because providers take parts in more places than
//! their pages say (tool results hold images). A kind of part we do not know counts as a pointer: on doubt the dearer.
//! Arguments and schemas of tools are no parts; the first are strings, the second stand elsewhere.

use super::References;
use crate::chat::json::Watch;

/// Hears of the keys of a prompt.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Parts that say they are images.
    images_by_type: u32,
    /// Parts that hold an address of an image.
    images_by_key: u32,
    /// The first thing that has no bound in bytes.
    opaque: Option<&'static str>,
    /// Whether there is audio.
    pub(super) audio: bool,
    /// What the next string is.
    asked: Asked,
    /// Whether the last key was one that addresses stand under.
    addressed: bool,
    /// Images whose address was not met yet.
    unaddressed: u32,
    /// Bytes of images written into their addresses (`data:image/…`): no text, and every one of them counted as an image.
    embedded: u64,
}

#[derive(Debug, Default, Clone, Copy)]
enum Asked {
    #[default]
    Type,
    Reference(&'static str),
}

impl Content {
    pub(super) fn references(&self) -> References {
        References {
            images: self.images_by_type.max(self.images_by_key),
            opaque: self.opaque,
            ..References::default()
        }
    }

    /// Bytes that are the content of counted images.
    pub(super) fn embedded(&self) -> u64 {
        self.embedded
    }

    fn opaque(&mut self, what: &'static str) {
        self.opaque.get_or_insert(what);
    }
}

impl Watch for Content {
    #[inline]
    fn key(&mut self, key: &[u8]) -> bool {
        self.addressed = false;
        // Nearly all keys are `role`, `content` and `text`: the length alone lets them by.
        match key.len() {
            3 => self.addressed = key == b"url",
            4 => {
                if key == b"type" {
                    self.asked = Asked::Type;
                    return true;
                }
                if key == b"file" {
                    self.opaque("file");
                }
            }
            7 if key == b"file_id" => {
                self.asked = Asked::Reference("file_id");
                return true;
            }
            8 if key == b"file_url" => {
                self.asked = Asked::Reference("file_url");
                return true;
            }
            9 => match key {
                b"image_url" => {
                    self.images_by_key = self.images_by_key.saturating_add(1);
                    self.unaddressed = self.unaddressed.saturating_add(1);
                    self.addressed = true;
                }
                b"audio_url" => self.opaque("audio_url"),
                b"video_url" => self.opaque("video_url"),
                b"file_data" => self.opaque("file_data"),
                _ => {}
            },
            _ => {}
        }
        false
    }

    #[inline]
    fn any_text(&mut self, raw: &[u8]) {
        if self.addressed && self.unaddressed > 0 && raw.starts_with(b"data:image") {
            self.unaddressed -= 1;
            self.embedded = self.embedded.saturating_add(raw.len() as u64);
        }
    }

    fn text(&mut self, text: &[u8]) {
        match self.asked {
            Asked::Reference(what) => self.opaque(what),
            Asked::Type => match text {
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
                | b"ephemeral" => {}
                b"image_url" | b"input_image" | b"computer_screenshot" => {
                    self.images_by_type = self.images_by_type.saturating_add(1);
                }
                b"input_audio" => self.audio = true,
                b"file" | b"input_file" | b"image_file" => self.opaque("file"),
                b"audio_url" => self.opaque("audio_url"),
                b"video_url" | b"video" | b"input_video" => self.opaque("video"),
                b"item_reference" => self.opaque("item_reference"),
                b"reasoning" => self.opaque("reasoning item"),
                b"compaction" => self.opaque("compaction item"),
                _ => self.opaque("item of an unknown type"),
            },
        }
    }
}
