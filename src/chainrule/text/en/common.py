"""Texts that several parts share."""

TABLE = {
    "language.unknown": "There is no language {language!r}; known: {known}.",
    "hint.nearest": "Did you mean {name!r}?",
    "hint.known": "Known: {names}.",
    "file.missing": "{path}: there is no such file. Check the path.",
    "file.is_folder": "{path}: this is a folder, not a file. Name a file in it.",
    "file.unreadable": "{path}: cannot be read ({reason}). Check the file's permissions.",
    "file.no_folder": "{path}: the folder {folder} does not exist. Create it first.",
    "file.unwritable": "{path}: cannot be written ({reason}). The earlier content, if any, is untouched.",
    "setting.unknown": "{setting}: there is no {value!r}. {hint}",
}
