"""Texts of data sets and model files."""

TABLE = {
    "data.unknown": "There is no data set and no file called {value!r}. {hint}",
    "data.not_regular": "{path}: this is neither a file nor a folder. Copy the data into a file first.",
    "data.empty": "{path}: the file is empty. Check where it came from.",
    "data.damaged": "{path}: the file is damaged or not what its name says ({reason}). Get a fresh copy.",
    "data.cut_off": "{path}: {promised} bytes are promised, more than {stored} compressed bytes can hold. The file is "
    "cut off or damaged; get a fresh copy.",
    "data.bomb": "{path}: {stored} compressed bytes claim to be {promised} bytes. Refused; store the data "
    "uncompressed if this is meant.",
    "data.promise": "{path}: the header promises {promised} bytes, but the file holds {held}. "
    "Get a fresh copy.",
    "data.not_idx": "{path}: this is no IDX file; it begins with the bytes {found}. Get a fresh copy.",
    "data.no_idx_folder": "{path}: the folder holds no train-images-idx3-ubyte (or .gz). Name the folder "
    "that does.",
    "data.no_labels": "{path}: the labels' file beside these images is missing. Put it there "
    "(…-labels-idx1-ubyte).",
    "data.not_labels": "{source}: labels must be one entry a row, but the shape is {shape}. Reshape them.",
    "data.not_table": "{name}: inputs must be a table of rows and columns, but the shape is {shape}. "
    "Reshape them.",
    "data.npy_version": "{path}: .npy version {version} is not known. Save the array again with numpy.save.",
    "data.objects": "{path}: it holds Python objects, which are never unpickled. Save plain numbers.",
    "data.dtype": "{path}: entries of type {dtype} cannot be used. Save plain real numbers.",
    "data.no_array": "{source}: there is no array called {wanted}; found: {found}. Rename one.",
    "data.middle_column": "{source}: column {column} lies in the middle of a table too large to copy. "
    "Make the target the first or last column.",
    "data.no_rows": "{source}: there are no rows. Check the data.",
    "data.no_features": "{source}: there is no feature column left beside the target. Check the target.",
    "data.count": "{source}: {rows} rows, but {targets} targets. They must be equally many.",
    "data.columns": "The data has {found} columns where {expected} are expected. Use the same features.",
    "data.not_finite": "{name}, row {row}, column {column} (both counted from 0): the value is {value}. "
    "Correct or remove the row.",
    "data.not_finite_row": "{name}, row {row} (counted from 0): the value is {value}. Correct or remove "
    "the row.",
    "data.span": "Column {column} (counted from 0) spans more than floating-point numbers can. Divide it "
    "by a constant.",
    "data.scaling_kind": "Only arrays of numbers can be scaled, not {kind}. A sparse table would become dense: hand "
    "it to the network, or use .toarray() on some of its rows.",
    "data.not_utf8": "{path}: the text is not encoded in UTF-8. Save the file as UTF-8.",
    "data.csv": "{path}, line {line}: this is not well-formed CSV ({reason}). Check quotes and commas.",
    "data.csv_open": "a quote is not closed",
    "data.csv_quote": "text follows a closing quote",
    "data.csv_long": "a cell is too long",
    "data.ragged": "{path}, line {line}: {found} cells where {expected} are expected. Correct the line.",
    "data.missing": "{source}, line {line}, column {column}: the value is missing. Fill it in or remove the "
    "line.",
    "data.not_finite_cell": "{source}, line {line}, column {column}: the value is {value}. Correct or remove "
    "the line.",
    "data.words": "{source}, line {line}, column {column}: {value!r} is a word, but features are numbers. "
    "Name the column in categorical (--categorical on the command line), or choose it as the target.",
    "data.mixed": "{source}, line {line}, column {column}: {value!r} does not fit, the column mixes numbers "
    "and words. Correct the cell, or name the column in categorical (--categorical on the command line).",
    "data.header_or_data": "{source}, line {line}: {value!r} may be the name of the target column or a label, no other "
    "row has it. If it is a name, choose it as the target; if it is a label, put a line of names above it.",
    "data.twice": "{source}: two columns are called {column!r}. Rename one, or give the column's number.",
    "data.no_column": "{source}: there is no column {column!r}. {hint}",
    "data.hint_index": "Give a number from 0 to {last}.",
    "data.no_target_choice": "{source}: its targets are fixed, no column can be chosen. Leave target out.",
    "data.no_categories": "{source}: only columns of a CSV file can be categorical. Leave categorical out.",
    "data.fraction": "The fraction to hold out must lie between 0 and 1, not {value!r}. Try 0.2.",
    "data.too_few": "The number of rows is {rows}, too few to set one aside. Use at least 2.",
    "data.positive": "{setting} must be a positive integer, not {value!r}.",
    "data.noise": "noise must be a finite number that is not negative, not {value!r}.",
    "data.no_data_folder": "{path}: there is no such folder, but {variable} is set. Put {name} there, or "
    "unset {variable} to download it.",
    "data.download": "{url}: the download failed: {reason}. Try again, or put the files into a folder that "
    "CHAINRULE_DATA names.",
    "data.no_connection": "no connection to the server",
    "data.timeout": "the server does not answer",
    "data.download_damaged": "{url}: what was downloaded is damaged (its SHA-256 is wrong) and was thrown "
    "away. Try again.",
    "data.cache": "{path}: the download cannot be kept ({reason}). Make room or correct the permissions.",
    "data.no_sklearn": "The digits come with scikit-learn, which is not installed. Install scikit-learn.",
    "model.empty": "{path}: the file is empty. Save the model again.",
    "model.not_model": "{path}: this is no chainrule model. Name a file that Network.save or "
    "train --out wrote.",
    "model.newer": "{path}: the model has format version {version}, this library reads up to {known}. Update "
    "chainrule.",
    "model.damaged": "{path}: the model file is damaged ({reason}). Use another copy, or train again.",
    "model.truncated": "{path}: the model file is damaged: {promised} bytes are promised, {held} are there. "
    "Use another copy, or train again.",
    "model.checksum": "its checksum is wrong",
    "model.information": "what it says about {name} is not of the expected form",
    "model.tensor_checksum": "the checksum of {name} is wrong",
    "model.not_plain": "A model's architecture must be plain data (text, finite numbers, lists, "
    "dictionaries): {place}.",
    "model.too_deep": "nested deeper than {limit}",
    "model.too_large": "more than {limit} entries",
    "model.bad_kind": "{kind} is not allowed",
    "model.bad_tensor": "A model cannot hold the array {name!r} of type {dtype}. Names are letters, digits, "
    "and . _ - [ ]; entries are real numbers of 1 to 8 bytes.",
    "model.too_large_header": "The architecture of the model needs {size} bytes, more than {limit}. Use "
    "shorter names.",
}
