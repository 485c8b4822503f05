//! Sends and answers messages: `POST /publish/SUBJECT` and `POST /request/SUBJECT` send the body; a message that wants an
//! answer gets its own subject and body back.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package demo:courier;
            world courier {
                import wasmcloud:messaging/consumer@0.2.0;
                export wasmcloud:messaging/handler@0.2.0;
            }
        ",
        generate_all,
    });
}

use bindings::exports::wasmcloud::messaging::handler::{BrokerMessage, Guest as Handler};
use bindings::wasmcloud::messaging::consumer;
use guest_http::{IncomingRequest, ResponseOutparam};

struct Courier;

impl Handler for Courier {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        let Some(subject) = message.reply_to else {
            return Ok(());
        };
        let body = [message.subject.as_bytes(), b": ", &message.body].concat();
        consumer::publish(&BrokerMessage { subject, body, reply_to: None })
    }
}

impl guest_http::Guest for Courier {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        match send(&request) {
            Ok(answer) => guest_http::respond(out, 200, &[], &answer),
            Err(reason) => guest_http::respond(out, 502, &[], reason.as_bytes()),
        }
    }
}

bindings::export!(Courier with_types_in bindings);
guest_http::export!(Courier with_types_in guest_http::bindings);

fn send(request: &IncomingRequest) -> Result<Vec<u8>, String> {
    let (path, _) = guest_http::path_and_query(request);
    let body = guest_http::read_body(request, MAX_BODY).map_err(|error| format!("{error:?}"))?;
    if let Some(subject) = path.strip_prefix("/request/") {
        return consumer::request(subject, &body, TIMEOUT_MS).map(|answer| answer.body);
    }
    let subject = path.strip_prefix("/publish/").ok_or("say /publish/SUBJECT or /request/SUBJECT")?;
    let message = BrokerMessage { subject: subject.to_owned(), body, reply_to: None };
    consumer::publish(&message).map(|()| b"published".to_vec())
}

/// The longest message, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// How long an answer may take.
const TIMEOUT_MS: u32 = 1000;
