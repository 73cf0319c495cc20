"""The Compare page: maps side by side, agreement, covering, faithfulness, many images."""
