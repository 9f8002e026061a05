"""What the dialogs and pages of complaints ask for: one module per subject."""
