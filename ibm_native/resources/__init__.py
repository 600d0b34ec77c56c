"""Resource groups (`ibm-native:resources:*`); stands on model and cloud, and iam and registry may import it."""
