//! Routes of tasks, as the contract calls runs (5.5). Only one's own are seen and stopped.

use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use axum::Json;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::chats::{ChatTasks, TaskStopped, Tasks};
use wire::{ChatId, TaskId};

/// The routes of tasks.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tasks))
        .routes(routes!(list_tasks_in_chat))
        .routes(routes!(stop_task))
        .routes(routes!(stop_tasks_in_chat))
}

/// The caller's generations under way.
#[utoipa::path(get, path = "/api/tasks", tag = "tasks", responses((status = 200, body = Tasks)))]
async fn list_tasks(State(app): State<App>, actor: Actor) -> Json<Tasks> {
    Json(Tasks {
        tasks: app.runs.ids(actor.id(), None),
    })
}

/// The generations under way in one chat.
#[utoipa::path(get, path = "/api/tasks/chat/{chat_id}", tag = "tasks", params(("chat_id" = String, Path)),
    responses((status = 200, body = ChatTasks)))]
async fn list_tasks_in_chat(
    State(app): State<App>,
    actor: Actor,
    Path(chat_id): Path<ChatId>,
) -> Json<ChatTasks> {
    Json(ChatTasks {
        task_ids: app.runs.ids(actor.id(), Some(&chat_id)),
    })
}

/// Stops a generation; the text so far is kept.
#[utoipa::path(post, path = "/api/tasks/stop/{task_id}", tag = "tasks", params(("task_id" = String, Path)),
    responses((status = 200, body = TaskStopped)))]
async fn stop_task(
    State(app): State<App>,
    actor: Actor,
    Path(task_id): Path<TaskId>,
) -> Json<TaskStopped> {
    let was_stopped = app.runs.stop(actor.id(), &task_id);
    Json(TaskStopped {
        status: was_stopped,
        message: match was_stopped {
            true => format!("Task {task_id} is being stopped."),
            false => format!("Task {task_id} is not running."),
        },
    })
}

/// Stops all generations in one chat; the texts so far are kept.
#[utoipa::path(post, path = "/api/tasks/chat/{chat_id}/stop", tag = "tasks", params(("chat_id" = String, Path)),
    responses((status = 200, body = TaskStopped)))]
async fn stop_tasks_in_chat(
    State(app): State<App>,
    actor: Actor,
    Path(chat_id): Path<ChatId>,
) -> Result<Json<TaskStopped>, Error> {
    let stopped = app
        .runs
        .stop_all(|run| run.user_id == *actor.id() && run.chat_id == chat_id);
    Ok(Json(TaskStopped {
        status: stopped > 0,
        message: format!("{stopped} tasks are being stopped."),
    }))
}
