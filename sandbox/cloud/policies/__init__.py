"""IAM Policy Management: access policies and roles."""
