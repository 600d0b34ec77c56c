"""One Kubernetes node: control plane, kubelet, containerd, certificates, network; stands on host and toolchain."""
