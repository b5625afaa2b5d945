//! Connections: control requests, faults, the clock in every answer.

use crate::{Fault, Operation, control, objects::flip, server::Shared};
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    header::{CONTENT_LENGTH, DATE, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::{dto::TimestampFormat, service::S3Service};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<BoxBody<Bytes, Failure>>;

/// Takes connections until it is dropped.
pub(crate) async fn accept(listener: TcpListener, service: S3Service, shared: Arc<Shared>) {
    loop {
        // too many open files: the next turn may find one
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(connection(stream, service.clone(), shared.clone()));
    }
}

async fn connection(stream: TcpStream, service: S3Service, shared: Arc<Shared>) {
    let answer = service_fn(|request| answer(request, service.clone(), shared.clone()));
    let mut http = hyper::server::conn::http1::Builder::new();
    // an error here is a client that left, or a fault that wants the connection closed
    let _ = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
}

async fn answer(request: Request<Incoming>, service: S3Service, shared: Arc<Shared>) -> Result<Answer, Failure> {
    let path = request.uri().path().to_owned();
    if path.starts_with(control::PATH) {
        let method = request.method().to_string();
        let body = request.into_body().collect().await?.to_bytes();
        let (status, document) = control::answer(&shared, &method, &path, &body);
        return Ok(plain(status, document.to_string()));
    }
    let operation = Operation::of(&request);
    shared.count(operation);
    let fault = shared.faults.next(operation, &path);
    match &fault {
        Some(Fault::Reset) => return Err("reset by script".into()),
        Some(Fault::Status(status, code)) => {
            // the body is read first, as a real server's front does: else the client sees a reset
            request.into_body().collect().await?;
            let document = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>by script</Message></Error>");
            return Ok(dated(plain(*status, document), &shared));
        }
        Some(Fault::Slow(time)) => tokio::time::sleep(*time).await,
        _ => {}
    }
    let response = service.call(request.map(s3s::Body::from)).await.map_err(|error| -> Failure { error.into() })?;
    let response = match fault {
        Some(Fault::LostReply) => return Err("reply lost by script".into()),
        Some(Fault::FlipBit) => {
            let (head, body) = response.into_parts();
            let bytes = body.collect().await?.to_bytes();
            Response::from_parts(head, whole(flip(&bytes)))
        }
        Some(Fault::Cut) => {
            let (head, body) = response.into_parts();
            let bytes = body.collect().await?.to_bytes();
            cut(Response::from_parts(head, ()), &bytes)
        }
        _ => response.map(|body| body.boxed()),
    };
    Ok(dated(response, &shared))
}

fn whole(bytes: Bytes) -> BoxBody<Bytes, Failure> {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

fn plain(status: u16, text: String) -> Answer {
    let mut response = Response::new(whole(text.into()));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// Promises all bytes and sends half of them.
fn cut(head: Response<()>, bytes: &Bytes) -> Answer {
    let half = bytes.slice(..bytes.len() / 2);
    let pieces = stream::iter([Ok(Frame::data(half)), Err::<_, Failure>("cut by script".into())]);
    let mut response = head.map(|()| StreamBody::new(pieces).boxed());
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    response
}

/// Tells the time by the server's own clock, which tests can turn.
fn dated(mut response: Answer, shared: &Shared) -> Answer {
    let mut text = Vec::new();
    let told = s3s::dto::Timestamp::from(shared.now()).format(TimestampFormat::HttpDate, &mut text).is_ok();
    if let Ok(value) = HeaderValue::from_bytes(&text)
        && told
    {
        response.headers_mut().insert(DATE, value);
    }
    response
}
