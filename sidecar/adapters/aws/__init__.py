"""AWS, for the command line: keys that never leave KMS, objects in S3, topic and queues of the kill switch."""
