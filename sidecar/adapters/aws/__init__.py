"""AWS, for the tools that sign and push bundles: keys that never leave KMS, and objects in S3."""
