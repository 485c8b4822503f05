//! Messaging within the process, with the subjects of NATS.
//!
//! A component publishes to subjects that its claims name, and is called with the messages of the subscriptions that the
//! manifest gives it. Subjects belong to an account: no message passes from one to another. A message goes to every plain
//! subscription that matches and to one member of each queue group, at most once, and is kept nowhere.
//!
//! | what | rule |
//! |---|---|
//! | `publish` | the component's grant, for the subject and size; and for its own `reply-to` |
//! | `request` | the same; the host makes the inbox, and says at once if nobody is there or has room |
//! | one answer to the message being handled | always, under the *sender's* grant, once, while the handler runs |
//! | a subscription | wholly covered by one entry of each document; each delivery is checked again |
//! | a component that is deployed again | keeps its subscriptions: what waits is the newer deployment's, once that is open |
//! | a subscriber that is too slow | its queue is bounded; what finds it full is dropped, counted and logged |
//!
//! Whoever embeds a host can take part, in the name of an account:
//!
//! ```
//! # use writ_messaging::{Account, Config, Messaging};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use writ_provider::Provider;
//!
//! let messaging = Messaging::open(Config::default()).await?;
//! let account = Account::new([7; 32]);
//! let mut orders = messaging.subscribe(account, "orders.*", None)?;
//! messaging.publish(account, "orders.created", "42".into())?;
//! assert_eq!(orders.next().await.unwrap().body(), "42");
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
//! ```

#![forbid(unsafe_code)]

mod broker;
mod claim;
mod dispatch;
mod guest;
mod handle;
mod message;
mod provider;
mod queue;
mod subject;
#[cfg(test)]
mod testing;

pub use broker::{Account, Sent, TooLarge};
pub use claim::{Entry, Plan, Request};
pub use handle::{Handle, Refusal};
pub use message::{Message, Unanswered};
pub use provider::{Config, Messaging, Route, Subscription, add_types_to_linker};
pub use subject::{InvalidSubject, Pattern, Subject};

#[allow(missing_docs, unreachable_pub, clippy::all)]
mod wit {
    writ_provider::wasmtime::component::bindgen!({
        path: "../../wit",
        world: "writ:host/messaging",
        imports: {
            "wasmcloud:messaging/consumer@0.2.0.request": async | trappable,
        },
        exports: { default: async },
        wasmtime_crate: writ_provider::wasmtime,
    });
}
