"""Resources and functions of IAM (`ibm-native:iam:*`), a file each; stand on model, cloud, resources."""
