//! From a request to a component's answer.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::Response;
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use writ_provider::{Failure, Grant, GuestBody, Instance, OpenError, Outcome, Permit, Target};

use super::refusal::Refusal;
use super::{Body, Call, Handler};
use crate::{HttpEntry, HttpRequest};

/// A component that holds routes.
#[derive(Clone)]
pub(super) struct Component {
    name: Arc<str>,
    target: Target,
    grant: Grant<HttpEntry>,
    pre: ProxyPre<Instance>,
    wait: Duration,
}

type Answer = Result<Response<HyperOutgoingBody>, ErrorCode>;

impl Component {
    /// Finds the export once, so that a request finds it at no cost.
    pub(super) fn new(target: Target, grant: Grant<HttpEntry>, wait: Duration) -> Result<Self, OpenError> {
        let name: Arc<str> = target.principal().to_string().into();
        let pre = ProxyPre::new(target.pre().clone())
            .map_err(|_| OpenError::Config(format!("{name} does not export wasi:http/incoming-handler@0.2")))?;
        Ok(Self { name, target, grant, pre, wait })
    }

    /// Checks the claims again: the route says what was planned, the request what is asked.
    fn permitted(&self, call: &Call) -> Result<(), Refusal> {
        let method = Some(call.request.method().as_str());
        let request = HttpRequest { host: &call.host, path: call.request.uri().path(), method };
        if self.grant.permits(request).is_ok() {
            return Ok(());
        }
        // What is permitted when nobody counts was refused by a rate.
        let rate = self.grant.refusals(request).is_empty();
        Err(if rate { Refusal::Rate } else { Refusal::Denied })
    }

    async fn respond(self, call: Call) -> Result<Response<Body>, Refusal> {
        self.permitted(&call)?;
        let permit = self.target.admit(self.wait).await?;
        let (outcome, name) = (Outcome::default(), self.name.clone());
        let (sender, answer) = oneshot::channel();
        // A task of its own: a client that hangs up drops this future, and a running guest must not be dropped with it.
        let ended = tokio::spawn(self.run(permit, call, sender, outcome.clone()));
        match answer.await {
            Ok(Ok(response)) => Ok(response.map(|body| GuestBody::new(body, outcome).boxed_unsync())),
            Ok(Err(code)) => Err(refusal(&code)),
            // The store is gone and never answered: how the call ended says why.
            Err(_) => Err(match ended.await {
                Ok(Err(failure)) => Refusal::from(&failure),
                Ok(Ok(())) => {
                    tracing::warn!(target: "writ::http", component = %name, "it returned without a response");
                    Refusal::Failed
                }
                Err(_) => Refusal::Failed,
            }),
        }
    }

    fn run(
        self,
        permit: Permit,
        call: Call,
        sender: oneshot::Sender<Answer>,
        outcome: Outcome,
    ) -> BoxFuture<'static, Result<(), Failure>> {
        let Self { target, pre, .. } = self;
        // Made out here, so that a call whose work never starts counts as failed too.
        let unless_done = outcome.unless_done();
        target.run(permit, move |store| {
            async move {
                let request = store.data_mut().http().new_incoming_request(Scheme::Http, call.request)?;
                let answer = store.data_mut().http().new_response_outparam(sender)?;
                let proxy = pre.instantiate_async(&mut *store).await?;
                proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, answer).await?;
                unless_done.done(store.data_mut().http().table);
                Ok(())
            }
            .boxed()
        })
    }
}

impl Handler for Component {
    fn component(&self) -> Arc<str> {
        self.name.clone()
    }

    fn handle(&self, call: Call) -> BoxFuture<'static, Result<Response<Body>, Refusal>> {
        self.clone().respond(call).boxed()
    }
}

/// What a guest said instead of a response.
fn refusal(code: &ErrorCode) -> Refusal {
    match code {
        ErrorCode::HttpRequestBodySize(_) => Refusal::TooLong,
        ErrorCode::HttpRequestDenied => Refusal::Denied,
        _ => Refusal::Failed,
    }
}
