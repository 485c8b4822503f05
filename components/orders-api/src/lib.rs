//! The order service, with claims that allow what it does; the code is in `orders-core`.

use guest_http::{Guest, IncomingRequest, ResponseOutparam};

struct OrdersApi;

impl Guest for OrdersApi {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        orders_core::handle(&request, out);
    }
}

guest_http::export!(OrdersApi with_types_in guest_http::bindings);
