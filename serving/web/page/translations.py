"""The sentences of the page in each of its languages, one row per sentence."""

LANGUAGES = {'en': 'English', 'zh': '中文', 'ko': '한국어'}
# What <html lang> says.
TAGS = {'en': 'en', 'zh': 'zh-Hans', 'ko': 'ko'}

# Key: English, Chinese, Korean.
_SENTENCES = {
    'title': ('What is in this picture?', '这张图片里是什么？', '이 사진에는 무엇이 있을까요?'),
    'lead': (
        'Add one or more pictures and see how a trained network classifies them.',
        '添加一张或多张图片，看看训练好的网络如何分类。',
        '사진을 한 장 이상 추가하면 학습된 신경망이 분류합니다.',
    ),
    'choose': ('Choose pictures', '选择图片', '사진 선택'),
    'drop': (
        'or drop them here, or paste them',
        '也可以拖放到这里，或直接粘贴',
        '여기에 끌어다 놓거나 붙여 넣어도 됩니다',
    ),
    'photograph': ('Take a photo', '拍照', '사진 찍기'),
    'classify': ('Classify', '开始识别', '분류하기'),
    'limits': (
        '{kinds} · up to {megabytes} MB each · up to {files} at once',
        '{kinds} · 每张不超过 {megabytes} MB · 一次最多 {files} 张',
        '{kinds} · 장당 최대 {megabytes} MB · 한 번에 {files}장까지',
    ),
    'not_kept': (
        'Pictures are not stored.',
        '图片不会被保存。',
        '사진은 저장되지 않습니다.',
    ),
    'kept': (
        'Copies of the pictures are kept for up to {hours} hours.',
        '图片副本最多保存 {hours} 小时。',
        '사진 사본은 최대 {hours}시간 동안 보관됩니다.',
    ),
    'key': ('API key', 'API 密钥', 'API 키'),
    'results': ('Results', '识别结果', '결과'),
    'remove_all': ('Clear', '清空', '지우기'),
    'preview': ('Preview of {name}', '{name} 的预览', '{name} 미리 보기'),
    'unnamed': ('Picture {number}', '图片 {number}', '사진 {number}'),
    'working': ('Classifying …', '正在识别…', '분류하는 중…'),
    'time': ('{milliseconds} ms', '{milliseconds} 毫秒', '{milliseconds}밀리초'),
    'announced': (
        '{name}: {label}, {percent}',
        '{name}：{label}，{percent}',
        '{name}: {label}, {percent}',
    ),
    'announced_unsure': (
        '{name}: unsure, perhaps {label}, {percent}',
        '{name}：不确定，可能是 {label}，{percent}',
        '{name}: 불확실함, {label}일 수 있음, {percent}',
    ),
    'unsure': ('unsure', '不确定', '불확실'),
    # What is said if the limits of the model are known.
    'unknown': ('None of these classes', '不属于任何已知类别', '해당하는 클래스 없음'),
    'most_like': ('most like {label}', '最像 {label}', '{label}에 가장 가까움'),
    'more_unusual': (
        'more unusual than {percent}% of the pictures of these classes',
        '比这些类别中 {percent}% 的图片更不寻常',
        '이 클래스들의 사진 {percent}%보다 더 특이함',
    ),
    'between': (', ', '、', ', '),
    'or': ('{first} or {last}', '{first} 或 {last}', '{first} 또는 {last}'),
    'or_more': (
        '{first} or {count} more',
        '{first} 或另外 {count} 个类别',
        '{first} 또는 다른 {count}개',
    ),
    'one_of_these': ('one of these, at 90%', '有 90% 的把握是其中之一', '90% 확률로 이 중 하나'),
    'announced_unknown': (
        '{name}: none of these classes, most like {label}',
        '{name}：不属于任何已知类别，最像 {label}',
        '{name}: 해당하는 클래스 없음, {label}에 가장 가까움',
    ),
    'announced_several': (
        '{name}: {labels}, one of these, at 90%',
        '{name}：{labels}，有 90% 的把握是其中之一',
        '{name}: {labels}, 90% 확률로 이 중 하나',
    ),
    'others': ('Others ({count})', '其他（{count} 个）', '기타 ({count}개)'),
    'announced_error': ('{name}: {message}', '{name}：{message}', '{name}: {message}'),
    'language': ('Language', '语言', '언어'),
    'classes': ('{count} classes', '{count} 个类别', '클래스 {count}개'),
    'version': ('version {version}', '版本 {version}', '버전 {version}'),
    'loading_model': ('The model is being loaded', '模型正在加载', '모델을 불러오는 중입니다'),
    'more_classes': (
        'and {count} more (GET /api/model lists all)',
        '以及另外 {count} 个（GET /api/model 列出全部）',
        '외 {count}개 (GET /api/model에 전체 목록이 있음)',
    ),
    'api': ('Use it from a program', '在程序中使用', '프로그램에서 사용하기'),
    'openapi': (
        'Full API description (OpenAPI)',
        '完整的 API 说明（OpenAPI）',
        '전체 API 설명 (OpenAPI)',
    ),
    'copy_text': ('Copy', '复制', '복사'),
    'copied': ('Copied', '已复制', '복사됨'),
    'copy_by_hand': (
        'The text is selected: press Ctrl+C or ⌘C.',
        '文本已选中：请按 Ctrl+C 或 ⌘C。',
        '텍스트가 선택되었습니다. Ctrl+C 또는 ⌘C를 누르세요.',
    ),
    'download': ('Download CSV', '下载 CSV', 'CSV 다운로드'),
    # Refusals, by their kind.
    'error_none': (
        'Please choose a picture first.',
        '请先选择图片。',
        '먼저 사진을 선택해 주세요.',
    ),
    'error_many': (
        'At most {limit} pictures can be classified at once.',
        '一次最多识别 {limit} 张图片。',
        '한 번에 최대 {limit}장까지 분류할 수 있습니다.',
    ),
    'error_form': (
        'The upload is incomplete. Please try again.',
        '上传的内容不完整，请重试。',
        '업로드가 완전하지 않습니다. 다시 시도해 주세요.',
    ),
    'error_empty': ('The file is empty.', '文件为空。', '빈 파일입니다.'),
    'error_bytes': (
        'The file is too large; at most {limit} MB are allowed.',
        '文件太大，最大为 {limit} MB。',
        '파일이 너무 큽니다. 최대 {limit} MB까지 가능합니다.',
    ),
    'error_kind': (
        'This is not a picture that can be read. Use JPEG, PNG, WebP, GIF or BMP.',
        '无法读取此文件。请使用 JPEG、PNG、WebP、GIF 或 BMP 图片。',
        '읽을 수 있는 사진이 아닙니다. JPEG, PNG, WebP, GIF 또는 BMP를 사용해 주세요.',
    ),
    'error_pixels': (
        'The picture has too many pixels.',
        '图片的像素过多。',
        '사진의 픽셀 수가 너무 많습니다.',
    ),
    'error_damaged': ('The picture is damaged.', '图片已损坏。', '손상된 사진입니다.'),
    'error_busy': (
        'The server is busy. Please try again in a moment.',
        '服务器繁忙，请稍后再试。',
        '서버가 사용 중입니다. 잠시 후 다시 시도해 주세요.',
    ),
    'error_late': (
        'The server could not answer in time. Please try again.',
        '服务器未能及时响应，请重试。',
        '서버가 제시간에 응답하지 못했습니다. 다시 시도해 주세요.',
    ),
    'error_loading': (
        'The model is still being loaded. Please try again in a moment.',
        '模型仍在加载，请稍后再试。',
        '모델을 아직 불러오는 중입니다. 잠시 후 다시 시도해 주세요.',
    ),
    'error_rate': (
        'Too many requests. Please wait a little.',
        '请求过于频繁，请稍候。',
        '요청이 너무 많습니다. 잠시 기다려 주세요.',
    ),
    'error_key': (
        'A valid API key is required.',
        '需要有效的 API 密钥。',
        '유효한 API 키가 필요합니다.',
    ),
    'error_network': (
        'The server cannot be reached.',
        '无法连接服务器。',
        '서버에 연결할 수 없습니다.',
    ),
    'error_other': (
        'The picture could not be classified.',
        '无法识别这张图片。',
        '사진을 분류할 수 없습니다.',
    ),
}


def choose(*tags):
    """Return the language of the first known tag (such as `ko-KR`), else English."""
    for tag in tags:
        if (language := (tag or '').split('-')[0].lower()) in LANGUAGES:
            return language
    return next(iter(LANGUAGES))


def sentences(language):
    """Return every sentence of one language by its key."""
    column = list(LANGUAGES).index(language)
    return {key: row[column] for key, row in _SENTENCES.items()}


def for_refusal(refusal, language):
    """Return the message of a Refusal in one language."""
    known = sentences(language)
    text = known.get(f'error_{refusal.kind}', known['error_other'])
    return text.format(**refusal.values)
