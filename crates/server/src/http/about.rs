//! What this server is and can do: `/api/version` and `/api/config` (contract 5.2).
//!
//! Features that old clients ask for and that do not exist here are off, so that they hide the pages.

use crate::app::App;
use crate::auth::{MaybeActor, permissions};
use crate::error::Error;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use store::users;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::people::Role;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(version))
        .routes(routes!(config))
}

/// The version; clients reload themselves when it changes.
#[utoipa::path(get, path = "/api/version", tag = "server", responses((status = 200, body = Value)))]
async fn version() -> Json<Value> {
    Json(json!({ "version": env!("CARGO_PKG_VERSION"), "deployment_id": "" }))
}

/// Name and features; more of it to those who are signed in. A token that is not valid counts as none.
#[utoipa::path(get, path = "/api/config", tag = "server", responses((status = 200, body = Value)))]
async fn config(
    State(app): State<App>,
    MaybeActor(actor): MaybeActor,
) -> Result<Json<Value>, Error> {
    let user_count = app.store.read(users::count).await?;
    let mut body = json!({
        "status": true,
        "name": app.config.name,
        "version": env!("CARGO_PKG_VERSION"),
        "default_locale": "",
        "oauth": { "providers": {} },
        "features": features(&app, actor.is_some()),
    });
    if user_count == 0 {
        body["onboarding"] = json!(true);
    }
    let role = actor.map(|actor| actor.user.role);
    if let Some(Role::Admin | Role::User) = role {
        merge(&mut body, for_users(&app, user_count));
    }
    if role == Some(Role::Admin) {
        body["active_entries"] = Value::Null;
    }
    Ok(Json(body))
}

fn features(app: &App, is_signed_in: bool) -> Value {
    let config = &app.config;
    let mut features = json!({
        "auth": true,
        "auth_trusted_header": false,
        "enable_signup_password_confirmation": false,
        "enable_ldap": false,
        "enable_api_keys": config.auth.enable_api_keys,
        "enable_signup": config.auth.enable_signup,
        "enable_login_form": true,
        "enable_websocket": config.sockets.enable_websocket,
        "enable_version_update_check": false,
        "enable_public_active_users_count": config.features.public_active_users_count,
    });
    if is_signed_in {
        merge(
            &mut features,
            json!({
                "enable_direct_connections": false,
                "enable_folders": false,
                "folder_max_file_count": "",
                "enable_channels": config.features.channels,
                "enable_notes": false,
                "enable_web_search": false,
                "enable_code_execution": false,
                "enable_code_interpreter": false,
                "enable_image_generation": false,
                "enable_autocomplete_generation": false,
                "enable_community_sharing": false,
                "enable_message_rating": false,
                "enable_user_webhooks": false,
                "enable_user_status": false,
                "enable_admin_export": false,
                "enable_admin_chat_access": false,
                "enable_google_drive_integration": false,
                "enable_onedrive_integration": false,
                "enable_memories": false,
            }),
        );
    }
    features
}

fn for_users(app: &App, user_count: i64) -> Value {
    json!({
        "default_models": null,
        "default_pinned_models": null,
        "default_prompt_suggestions": suggestions(),
        "user_count": user_count,
        "code": { "engine": "pyodide" },
        "audio": {
            "tts": { "engine": "", "voice": "", "split_on": "punctuation" },
            "stt": { "engine": "" },
        },
        "file": {
            "max_size": null,
            "max_count": null,
            "image_compression": { "width": null, "height": null },
        },
        "permissions": permissions(&app.config),
        "google_drive": { "client_id": "", "api_key": "" },
        "onedrive": {
            "client_id_personal": "",
            "client_id_business": "",
            "sharepoint_url": "",
            "sharepoint_tenant_id": "",
        },
        "ui": {
            "pending_user_overlay_title": "",
            "pending_user_overlay_content": "",
            "response_watermark": "",
        },
        "license_metadata": null,
    })
}

/// First lines for an empty chat, as old clients show them.
fn suggestions() -> Value {
    let suggestion = |title: &str, subtitle: &str, content: &str| json!({ "title": [title, subtitle], "content": content });
    json!([
        suggestion(
            "Sum up",
            "a long thread",
            "Sum up the thread I paste next: what was decided, and what is open?"
        ),
        suggestion(
            "Draft",
            "a short announcement",
            "Draft an announcement of three sentences. Ask me what it is about first."
        ),
        suggestion(
            "Explain",
            "an error message",
            "Explain the error message I paste next, and what to try first."
        ),
        suggestion(
            "Compare",
            "two ways to do it",
            "Compare two ways to do something: I name them, you list what each costs."
        ),
    ])
}

/// Adds the members of one object to another.
fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
