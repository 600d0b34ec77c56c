"""Resources and functions of the registry (`ibm-native:registry:*`), a file each; stand on model, cloud, resources."""
