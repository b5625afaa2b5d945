//! The operations of S3 over [`Objects`], in the shapes of the `s3s` adapter.

use crate::objects::{Condition, Metadata, Object, Objects, Refusal};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, dto::*, s3_error};
use std::{ops, sync::Arc, time::SystemTime};

/// Longest page of a list.
const PAGE_MAX: i32 = 1_000;
/// Shortest source of which a range may be copied, in bytes.
const COPY_RANGE_SOURCE_MIN: usize = 5 << 20;

/// The clock of a server.
pub(crate) type Now = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The operations over a set of objects.
pub(crate) struct Backend {
    pub(crate) objects: Arc<Objects>,
    pub(crate) now: Now,
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::NoSuchBucket => S3ErrorCode::NoSuchBucket,
            Refusal::NoSuchKey => S3ErrorCode::NoSuchKey,
            Refusal::NoSuchUpload => S3ErrorCode::NoSuchUpload,
            Refusal::PreconditionFailed => S3ErrorCode::PreconditionFailed,
            Refusal::InvalidPart => S3ErrorCode::InvalidPart,
            Refusal::EntityTooSmall => S3ErrorCode::EntityTooSmall,
            Refusal::InvalidRequest => S3ErrorCode::InvalidRequest,
        };
        Self::new(code)
    }
}

async fn read(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let mut bytes = BytesMut::new();
    let Some(mut body) = body else { return Ok(Bytes::new()) };
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(|error| S3Error::with_source(S3ErrorCode::IncompleteBody, error))?);
    }
    Ok(bytes.freeze())
}

fn blob(bytes: Bytes) -> StreamingBlob {
    StreamingBlob::from(s3s::Body::from(bytes))
}

fn tag(etag: String) -> Option<ETag> {
    Some(ETag::Strong(etag))
}

fn metadata(given: Option<s3s::dto::Metadata>) -> Metadata {
    given.unwrap_or_default().into_iter().collect()
}

fn condition(if_none_match: Option<&ETagCondition>, if_match: Option<&ETagCondition>) -> Condition {
    let etag = if_match.and_then(ETagCondition::as_etag).map(|etag| etag.value().to_owned());
    Condition { absent: if_none_match.is_some_and(ETagCondition::is_any), etag }
}

/// Refuses to read an object that is no longer the one that is asked for.
fn check_match(object: &Object, if_match: Option<&ETagCondition>) -> S3Result<()> {
    let asked = if_match.and_then(ETagCondition::as_etag);
    if asked.is_some_and(|etag| etag.value() != object.etag) { Err(Refusal::PreconditionFailed.into()) } else { Ok(()) }
}

impl Backend {
    /// The object that a copy names.
    fn source(&self, source: &CopySource, if_match: Option<&ETagCondition>) -> S3Result<Object> {
        let CopySource::Bucket { bucket, key, .. } = source else { return Err(s3_error!(NotImplemented)) };
        let object = self.objects.get(bucket, key)?;
        check_match(&object, if_match)?;
        Ok(object)
    }
}

/// Reads `bytes=a-b`.
fn copy_range(text: &str, length: usize) -> Option<ops::Range<usize>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < length).then_some(first..last + 1)
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.objects.make_bucket(&request.input.bucket);
        Ok(S3Response::new(CreateBucketOutput::default()))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        if self.objects.has_bucket(&request.input.bucket) {
            Ok(S3Response::new(HeadBucketOutput::default()))
        } else {
            Err(Refusal::NoSuchBucket.into())
        }
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let condition = condition(input.if_none_match.as_ref(), input.if_match.as_ref());
        let bytes = read(input.body).await?;
        let known = (metadata(input.metadata), input.content_type.map(|kind| kind.to_string()));
        let etag = self.objects.put((&input.bucket, &input.key), bytes, known, &condition, (self.now)())?;
        Ok(S3Response::new(PutObjectOutput { e_tag: tag(etag), ..Default::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let object = self.objects.get(&input.bucket, &input.key)?;
        check_match(&object, input.if_match.as_ref())?;
        let length = object.bytes.len() as u64;
        let range = match input.range {
            Some(range) => Some(range.check(length).map_err(|_| s3_error!(InvalidRange))?),
            None => None,
        };
        let bytes = range.clone().map_or(object.bytes.clone(), |range| object.bytes.slice(range.start as usize..range.end as usize));
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(bytes.len() as i64),
            content_range: range.map(|range| format!("bytes {}-{}/{length}", range.start, range.end - 1)),
            body: Some(blob(bytes)),
            content_type: object.content_type.and_then(|kind| kind.parse().ok()),
            e_tag: tag(object.etag),
            last_modified: Some(object.modified.into()),
            metadata: Some(object.metadata.into_iter().collect()),
            ..Default::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let object = self.objects.get(&request.input.bucket, &request.input.key)?;
        check_match(&object, request.input.if_match.as_ref())?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(object.bytes.len() as i64),
            content_type: object.content_type.and_then(|kind| kind.parse().ok()),
            e_tag: tag(object.etag),
            last_modified: Some(object.modified.into()),
            metadata: Some(object.metadata.into_iter().collect()),
            ..Default::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.objects.delete(&request.input.bucket, &request.input.key)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        if input.delimiter.is_some() {
            return Err(s3_error!(NotImplemented, "this test server lists without delimiters"));
        }
        let limit = input.max_keys.unwrap_or(PAGE_MAX).clamp(0, PAGE_MAX);
        let after = input.continuation_token.clone().or(input.start_after.clone()).unwrap_or_default();
        let prefix = input.prefix.clone().unwrap_or_default();
        let (page, more) = self.objects.list(&input.bucket, &prefix, &after, limit as usize)?;
        let next = page.last().map(|(key, _)| key.clone()).filter(|_| more);
        let contents = page.into_iter().map(|(key, object)| s3s::dto::Object {
            key: Some(key),
            size: Some(object.bytes.len() as i64),
            e_tag: tag(object.etag),
            last_modified: Some(object.modified.into()),
            ..Default::default()
        });
        let contents: Vec<_> = contents.collect();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            max_keys: Some(limit),
            key_count: Some(contents.len() as i32),
            is_truncated: Some(more),
            next_continuation_token: next,
            start_after: input.start_after,
            contents: Some(contents),
            ..Default::default()
        }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let source = self.source(&input.copy_source, input.copy_source_if_match.as_ref())?;
        let replaces = input.metadata_directive.as_ref().is_some_and(|how| how.as_str() == MetadataDirective::REPLACE);
        let known = match replaces {
            true => (metadata(input.metadata), input.content_type.map(|kind| kind.to_string())),
            false => (source.metadata, source.content_type),
        };
        let now = (self.now)();
        let etag = self.objects.put((&input.bucket, &input.key), source.bytes, known, &Condition::default(), now)?;
        let result = CopyObjectResult { e_tag: tag(etag), last_modified: Some(now.into()), ..Default::default() };
        Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        let kind = input.content_type.map(|kind| kind.to_string());
        let id = self.objects.begin(&input.bucket, &input.key, metadata(input.metadata), kind)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let bytes = read(input.body).await?;
        let etag = self.objects.part((&input.bucket, &input.key), &input.upload_id, input.part_number, bytes)?;
        Ok(S3Response::new(UploadPartOutput { e_tag: tag(etag), ..Default::default() }))
    }

    async fn upload_part_copy(&self, request: S3Request<UploadPartCopyInput>) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = request.input;
        let source = self.source(&input.copy_source, input.copy_source_if_match.as_ref())?.bytes;
        let bytes = match &input.copy_source_range {
            None => source,
            Some(_) if source.len() <= COPY_RANGE_SOURCE_MIN => return Err(Refusal::InvalidRequest.into()),
            Some(text) => source.slice(copy_range(text, source.len()).ok_or_else(|| s3_error!(InvalidArgument))?),
        };
        let etag = self.objects.part((&input.bucket, &input.key), &input.upload_id, input.part_number, bytes)?;
        let result = CopyPartResult { e_tag: tag(etag), last_modified: Some((self.now)().into()), ..Default::default() };
        Ok(S3Response::new(UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let condition = condition(input.if_none_match.as_ref(), input.if_match.as_ref());
        let parts = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default().into_iter();
        let named: Option<Vec<_>> = parts.map(|part| Some((part.part_number?, part.e_tag?.value().to_owned()))).collect();
        let named = named.ok_or(Refusal::InvalidPart)?;
        let etag = self.objects.complete((&input.bucket, &input.key), &input.upload_id, &named, &condition, (self.now)())?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: tag(etag),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.objects.abort(&request.input.bucket, &request.input.key, &request.input.upload_id)?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
