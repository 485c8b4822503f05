//! A message with a name in it is answered with a greeting; where no answer is wanted, the greeting is logged. What is
//! said is in `greeting.rs`, which is tested without a host.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "component", generate_all });
}
mod greeting;

use bindings::exports::wasmcloud::messaging::handler::{BrokerMessage, Guest};
use bindings::wasi::logging::logging::{Level, log};
use bindings::wasmcloud::messaging::consumer;

struct Component;

impl Guest for Component {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        let text = greeting::greeting(&message.body)?;
        let Some(subject) = message.reply_to else {
            log(Level::Info, "greeting", &text);
            return Ok(());
        };
        // Answering the sender needs no claim.
        consumer::publish(&BrokerMessage {
            subject,
            body: text.into_bytes(),
            reply_to: None,
        })
    }
}

bindings::export!(Component with_types_in bindings);
