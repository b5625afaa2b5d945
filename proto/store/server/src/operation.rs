//! What a request asks for, told from its method, path and query.

use hyper::{Method, Request, header::HeaderMap};

/// An operation of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Write an object.
    PutObject,
    /// Read an object.
    GetObject,
    /// Read what is known of an object.
    HeadObject,
    /// Remove an object.
    DeleteObject,
    /// Copy an object inside the server.
    CopyObject,
    /// List keys.
    ListObjectsV2,
    /// Begin an upload in parts.
    CreateMultipartUpload,
    /// Send a part.
    UploadPart,
    /// Copy a part inside the server.
    UploadPartCopy,
    /// Join the parts.
    CompleteMultipartUpload,
    /// Throw the parts away.
    AbortMultipartUpload,
    /// Everything else.
    Other,
}

/// How a request is charged and limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// PUT, COPY, POST and LIST.
    Put,
    /// GET and HEAD.
    Get,
    /// DELETE, which costs nothing.
    Delete,
}

impl Operation {
    /// Every operation that can be named.
    pub const ALL: [Self; 12] = [
        Self::PutObject,
        Self::GetObject,
        Self::HeadObject,
        Self::DeleteObject,
        Self::CopyObject,
        Self::ListObjectsV2,
        Self::CreateMultipartUpload,
        Self::UploadPart,
        Self::UploadPartCopy,
        Self::CompleteMultipartUpload,
        Self::AbortMultipartUpload,
        Self::Other,
    ];

    /// The name in the documentation of S3.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The operation of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// How it is charged.
    pub fn class(self) -> Class {
        match self {
            Self::GetObject | Self::HeadObject => Class::Get,
            Self::DeleteObject | Self::AbortMultipartUpload => Class::Delete,
            _ => Class::Put,
        }
    }

    /// The operation of a request.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let path = request.uri().path().trim_start_matches('/');
        let on_key = path.split_once('/').is_some_and(|(_, key)| !key.is_empty());
        let query = request.uri().query().unwrap_or_default();
        let asks = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        if on_key { Self::on_key(request.method(), request.headers(), asks) } else { Self::on_bucket(request.method(), asks) }
    }

    fn on_bucket(method: &Method, asks: impl Fn(&str) -> bool) -> Self {
        if *method == Method::GET && asks("list-type") { Self::ListObjectsV2 } else { Self::Other }
    }

    fn on_key(method: &Method, headers: &HeaderMap, asks: impl Fn(&str) -> bool) -> Self {
        let copies = headers.contains_key("x-amz-copy-source");
        match (method.as_str(), asks("uploadId"), copies) {
            ("PUT", true, true) => Self::UploadPartCopy,
            ("PUT", true, false) => Self::UploadPart,
            ("PUT", false, true) => Self::CopyObject,
            ("PUT", false, false) => Self::PutObject,
            ("POST", true, _) => Self::CompleteMultipartUpload,
            ("POST", false, _) if asks("uploads") => Self::CreateMultipartUpload,
            ("DELETE", true, _) => Self::AbortMultipartUpload,
            ("DELETE", false, _) => Self::DeleteObject,
            ("GET", false, _) => Self::GetObject,
            ("HEAD", false, _) => Self::HeadObject,
            _ => Self::Other,
        }
    }
}
