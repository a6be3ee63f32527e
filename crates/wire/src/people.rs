//! People: accounts, sessions, and what one person may see of another. Contract 5.1 and 5.7; times in seconds.

use crate::{TimestampS, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What a person may do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the workspace.
    Admin,
    /// Uses the workspace.
    User,
    /// Signed up and waits for an admin's approval; may read only its own session.
    Pending,
}

impl Role {
    /// The role's name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::User => "user",
            Role::Pending => "pending",
        }
    }

    /// The role of this name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Role> {
        match name {
            "admin" => Some(Role::Admin),
            "user" => Some(Role::User),
            "pending" => Some(Role::Pending),
            _ => None,
        }
    }
}

/// A person as the author of something: what events carry. `role` is text because webhooks have one of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserRef {
    /// Who.
    pub id: UserId,
    /// The name shown, at the time of the event.
    pub name: String,
    /// `admin`, `user`, `pending` or `webhook`.
    pub role: String,
}

/// A person as other people may see them: no e-mail address, no settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserSummary {
    /// Who.
    pub id: UserId,
    /// The name shown.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Address of the picture: `/api/v1/users/{id}/profile/image` or `/user.png` for the generated one.
    pub profile_image_url: String,
    /// Has an open socket now.
    pub is_active: bool,
    /// When they last did anything, in seconds.
    pub last_active_at: TimestampS,
}

/// A person as an admin sees them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AdminUser {
    /// Who.
    pub id: UserId,
    /// The name shown.
    pub name: String,
    /// What they sign in with.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Address of the picture.
    pub profile_image_url: String,
    /// May not sign in until enabled again.
    pub disabled: bool,
    /// Has an open socket now.
    pub is_active: bool,
    /// When they last did anything, in seconds.
    pub last_active_at: TimestampS,
    /// When the account changed last, in seconds.
    pub updated_at: TimestampS,
    /// When they signed up, in seconds.
    pub created_at: TimestampS,
}

/// A page of people for the admin's list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AdminUsers {
    /// At most 30.
    pub users: Vec<AdminUser>,
    /// How many there are over all pages.
    pub total: i64,
}

/// A page of people for pickers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserSummaries {
    /// At most 30.
    pub users: Vec<UserSummary>,
    /// How many match over all pages.
    pub total: i64,
}

/// Answer to sign-up and sign-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Who.
    pub id: UserId,
    /// The name shown.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// What they sign in with.
    pub email: String,
    /// Address of the picture.
    pub profile_image_url: String,
    /// A JWT for `Authorization: Bearer` and for a socket's auth object.
    pub token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// When the token ends, in seconds; null if never.
    #[schema(required)]
    pub expires_at: Option<TimestampS>,
    /// The contract's tree of permissions.
    #[schema(value_type = Object)]
    pub permissions: Value,
}

/// `POST /api/v1/auths/signup`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct SignUp {
    /// The name shown; 1 to 100 characters.
    pub name: String,
    /// What one signs in with; compared without case.
    pub email: String,
    /// 8 to 256 bytes.
    pub password: String,
    /// Address of a picture, or a `data:image/...` of at most 256 KiB.
    #[serde(default)]
    pub profile_image_url: Option<String>,
}

/// `POST /api/v1/auths/signin`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct SignIn {
    /// As given at sign-up; compared without case.
    pub email: String,
    /// The password.
    pub password: String,
}

/// `POST /api/v1/auths/update/profile`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct UpdateProfile {
    /// The name shown; 1 to 100 characters.
    pub name: String,
    /// Address of a picture, or a `data:image/...` of at most 256 KiB; absent keeps the present one.
    #[serde(default)]
    pub profile_image_url: Option<String>,
}

/// `POST /api/v1/auths/update/password`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct UpdatePassword {
    /// The present password.
    pub password: String,
    /// 8 to 256 bytes.
    pub new_password: String,
}

/// `POST /api/v1/users/{id}/update`: what an admin may change; absent fields stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct AdminUpdate {
    /// New role.
    #[serde(default)]
    pub role: Option<Role>,
    /// New name.
    #[serde(default)]
    pub name: Option<String>,
    /// New address.
    #[serde(default)]
    pub email: Option<String>,
    /// New password; an empty text keeps the present one, as old clients send it.
    #[serde(default)]
    pub password: Option<String>,
    /// New picture.
    #[serde(default)]
    pub profile_image_url: Option<String>,
}
