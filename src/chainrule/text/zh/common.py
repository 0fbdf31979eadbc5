"""多处共用的文字。"""

TABLE = {
    "language.unknown": "没有语言 {language!r}；已有：{known}。",
    "hint.nearest": "是否想写 {name!r}？",
    "hint.known": "可用：{names}。",
    "file.missing": "{path}：没有这个文件。请检查路径。",
    "file.is_folder": "{path}：这是文件夹，不是文件。请指明其中的一个文件。",
    "file.unreadable": "{path}：无法读取（{reason}）。请检查文件权限。",
    "file.no_folder": "{path}：文件夹 {folder} 不存在。请先创建它。",
    "file.unwritable": "{path}：无法写入（{reason}）。原有内容（若有）未被改动。",
    "setting.unknown": "{setting}：没有 {value!r}。{hint}",
}
