"""S3: the store of blobs and of the audit mirror. No other package imports aiobotocore."""
