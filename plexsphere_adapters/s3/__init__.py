"""S3: the store of blobs. No other package imports aiobotocore."""
