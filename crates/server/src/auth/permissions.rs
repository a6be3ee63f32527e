//! The tree of permissions that the contract's clients read to show or hide parts of their pages.
//!
//! It says what exists here, for everybody alike; who may do what is decided by `access`, on every request.

use crate::config::Config;
use serde_json::{Value, json};

/// The tree.
#[must_use]
pub fn permissions(config: &Config) -> Value {
    json!({
        "workspace": {
            "models": false, "knowledge": false, "prompts": false, "tools": false,
            "models_import": false, "models_export": false, "prompts_import": false, "prompts_export": false,
            "tools_import": false, "tools_export": false
        },
        "sharing": {
            "models": false, "public_models": false, "knowledge": false, "public_knowledge": false,
            "prompts": false, "public_prompts": false, "tools": false, "public_tools": false,
            "notes": false, "public_notes": false
        },
        "chat": {
            "controls": true, "valves": false, "system_prompt": true, "params": true, "file_upload": false,
            "delete": true, "delete_message": true, "continue_response": true, "regenerate_response": true,
            "rate_response": false, "edit": true, "share": false, "export": true, "stt": false, "tts": false,
            "call": false, "multiple_models": true, "temporary": true, "temporary_enforced": false
        },
        "features": {
            "api_keys": config.auth.enable_api_keys, "notes": false, "folders": false,
            "channels": config.features.channels, "direct_tool_servers": false, "web_search": false,
            "image_generation": false, "code_interpreter": false, "memories": false
        },
        "settings": { "interface": true }
    })
}
