"""Programs from language models, driven through the sandbox: from task files to reports."""
