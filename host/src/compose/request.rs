//! A request outside any store, and `writ:http/middleware`: what a component in front of another does with one.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http_body_util::{BodyExt, Empty};
use tokio::sync::oneshot;
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::p2::bindings::http::types::{HostIncomingRequest as _, Scheme};
use wasmtime_wasi_http::p2::body::HostIncomingBody;
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::{Error, FieldMap, WasiHttp, WasiHttpCtxView};
use writ_provider::wasmtime::component::{LinkerInstance, Resource};
use writ_provider::{Instance, Slot, wasmtime};

use crate::names::InterfaceName;
use bindings::writ::http::middleware;

mod bindings {
    writ_provider::wasmtime::component::bindgen!({
        path: "../wit",
        world: "writ:host/middleware",
        imports: { default: trappable },
        require_store_data_send: true,
        with: {
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:io": wasmtime_wasi_io::bindings::wasi::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        },
        wasmtime_crate: writ_provider::wasmtime,
    });
}

/// Whether it is the interface that changes requests and answers.
pub(crate) fn is_middleware(name: &InterfaceName) -> bool {
    INTERFACE.parse::<InterfaceName>().is_ok_and(|own| own.matches(name))
}

/// Links it for a principal of that number.
pub(crate) fn link(linker: &mut LinkerInstance<'_, Instance>, own: Slot) -> wasmtime::Result<()> {
    middleware::add_to_linker_instance::<_, WasiHttp>(linker, own.getter::<WasiHttp>())
}

/// A request that was taken out of a store.
pub(crate) struct Request {
    head: http::Request<()>,
    scheme: Scheme,
    authority: HeaderValue,
    body: HostIncomingBody,
}

/// Why a request cannot be passed on.
pub(crate) struct Unfit {
    pub(crate) reason: &'static str,
}

impl Request {
    /// Takes it out, whole: with a body of which nothing was read.
    pub(crate) fn take(
        http: &mut WasiHttpCtxView<'_>,
        request: Resource<HostIncomingRequest>,
    ) -> wasmtime::Result<Result<Self, Unfit>> {
        let same = || Resource::new_borrow(request.rep());
        let method = http.method(same())?.try_into()?;
        let path = http.path_with_query(same())?;
        let scheme = http.scheme(same())?.unwrap_or(Scheme::Http);
        let authority = http.authority(same())?.unwrap_or_default();
        let headers = http.headers(same())?;
        let headers = http.table.delete(headers)?;
        let Some(body) = http.table.delete(request)?.body else {
            return Ok(Err(Unfit { reason: "the body of the request that is passed on was taken out of it" }));
        };
        let mut head = http::Request::new(());
        *head.method_mut() = method;
        *head.uri_mut() = path.as_deref().unwrap_or("/").parse()?;
        *head.headers_mut() = headers.into();
        Ok(Ok(Self { head, scheme, authority: authority.try_into()?, body }))
    }

    /// Puts it into a store.
    pub(crate) fn put(self, http: &mut WasiHttpCtxView<'_>) -> wasmtime::Result<Resource<HostIncomingRequest>> {
        let Self { mut head, scheme, authority, body } = self;
        // It is taken from there, and no guest sees it as a field.
        head.headers_mut().insert(HOST, authority);
        let none = Empty::<Bytes>::new().map_err(|never| -> Error { match never {} });
        let request = http.new_incoming_request(scheme, head.map(|()| none))?;
        http.table.get_mut(&request)?.body = Some(body);
        Ok(request)
    }

    /// With other fields, but for the one that belongs to the body.
    fn with_headers(mut self, headers: HeaderMap) -> Self {
        let length = self.head.headers_mut().remove(CONTENT_LENGTH);
        *self.head.headers_mut() = headers;
        self.head.headers_mut().remove(CONTENT_LENGTH);
        if let Some(length) = length {
            self.head.headers_mut().insert(CONTENT_LENGTH, length);
        }
        self
    }

    fn with_path(mut self, path: PathAndQuery) -> Self {
        *self.head.uri_mut() = path.into();
        self
    }
}

impl middleware::Host for WasiHttpCtxView<'_> {
    fn rewritten(
        &mut self,
        request: Resource<HostIncomingRequest>,
        path: Option<String>,
        headers: Resource<FieldMap>,
    ) -> wasmtime::Result<Result<Resource<HostIncomingRequest>, middleware::Unfit>> {
        let headers = self.table.delete(headers)?;
        let Ok(request) = Request::take(self, request)? else { return Ok(Err(middleware::Unfit::Consumed)) };
        let request = request.with_headers(headers.into());
        let request = match path.as_deref().map(origin_form) {
            None => request,
            Some(Some(path)) => request.with_path(path),
            Some(None) => return Ok(Err(middleware::Unfit::Path)),
        };
        request.put(self).map(Ok)
    }

    fn intercept(
        &mut self,
    ) -> wasmtime::Result<(Resource<HostResponseOutparam>, Resource<HostFutureIncomingResponse>)> {
        let (sender, answer) = oneshot::channel();
        let out = self.new_response_outparam(sender)?;
        let arriving = spawn(async move {
            match answer.await {
                Ok(said) => Ok((said?, spawn(async {}))),
                Err(_) => Err(Error::InternalError(Some("who it was passed to did not answer".to_owned()))),
            }
        });
        let arriving = self.table.push(HostFutureIncomingResponse::Pending(arriving))?;
        Ok((out, arriving))
    }
}

/// A path and a query, if it is nothing else.
fn origin_form(text: &str) -> Option<PathAndQuery> {
    // A fragment would be cut off silently.
    let path: PathAndQuery = text.parse().ok()?;
    (text.starts_with('/') && path.as_str() == text).then_some(path)
}

const INTERFACE: &str = "writ:http/middleware@0.1.0";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_path: bool) {
        assert_eq!(origin_form(text).is_some(), is_path, "{text:?}");
    }

    #[test]
    fn paths() {
        check("/", true);
        check("/a/b?c=d&e", true);
        check("/a%20b", true);
        check("", false);
        check("a", false);
        check("*", false);
        check("?a", false);
        check("http://a/b", false);
        check("/a#b", false);
        check("/a b", false);
        check("/a\r\nb: c", false);
        check(&format!("/{}", "a".repeat(1 << 17)), false);
    }
}
