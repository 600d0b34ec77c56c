"""Many stacks over Pulumi's Automation API: found from their files, run side by side, and told in one table."""
