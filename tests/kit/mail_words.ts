/**
 * What made-up letters say: languages of several scripts, each with the charsets its mail comes in, and text in any of these charsets as octets.
 *
 * The texts are ours. {@linkcode octetsOf} throws for a text its charset cannot say: that is a slip in the table.
 */
import { type Bytes, utf8Encode } from "../../src/base/bytes.ts";
import { encodeText } from "../../src/mail/charset.ts";

export interface Language {
  readonly name: string;
  /** Labels of charsets that can say all of it. */
  readonly charsets: readonly string[];
  readonly subjects: readonly string[];
  readonly sentences: readonly string[];
  /** Display name of a writer. */
  readonly writer: string;
  /** A file's name. */
  readonly file: string;
}

const UTF8 = "UTF-8";

export const LANGUAGES: readonly Language[] = [
  {
    name: "English",
    charsets: ["us-ascii", UTF8, "iso-8859-1"],
    subjects: ["Minutes of Tuesday", "Your order has left us", "Lunch?", "Re: the roof of the boat house"],
    sentences: [
      "We met at nine and were done before the coffee was cold.",
      "The carpenter comes on Thursday, so please leave the side door open.",
      "I have put the figures into the table; the third column is still a guess.",
      "Let me know whether the date suits you, and bring the children along.",
    ],
    writer: "Ann Weaver",
    file: "minutes of tuesday",
  },
  {
    name: "German",
    charsets: [UTF8, "iso-8859-1", "windows-1252"],
    subjects: ["Grüße aus Köln", "Übergabe der Schlüssel", "Rechnung für März"],
    sentences: [
      "Die Brücke ist wieder für Fußgänger geöffnet.",
      "Können Sie mir bitte die Maße der Tür schicken?",
      "Wir müssen das Öl prüfen, bevor es kälter wird.",
    ],
    writer: "Jürgen Schäfer",
    file: "Übersicht März",
  },
  {
    name: "French",
    charsets: [UTF8, "iso-8859-15", "windows-1252"],
    subjects: ["Réunion déplacée à jeudi", "Votre dossier est arrivé"],
    sentences: [
      "La réunion a été déplacée à jeudi, même heure, même lieu.",
      "Merci de m'envoyer le relevé dès que possible.",
      "Le garçon a laissé son cahier près de la fenêtre.",
    ],
    writer: "Hélène Lefèvre",
    file: "relevé détaillé",
  },
  {
    name: "Spanish",
    charsets: [UTF8, "iso-8859-1"],
    subjects: ["¿Vienes mañana?", "Información del vuelo"],
    sentences: ["El niño llegó tarde porque perdió el autobús.", "Mañana te enseño el jardín y la huerta pequeña."],
    writer: "Íñigo Núñez",
    file: "año nuevo",
  },
  {
    name: "Swahili",
    charsets: ["us-ascii", UTF8],
    subjects: ["Habari za asubuhi", "Mkutano wa kesho"],
    sentences: ["Mkutano utaanza saa tatu asubuhi.", "Tafadhali niletee vitabu viwili kutoka maktaba."],
    writer: "Neema Juma",
    file: "taarifa ya mkutano",
  },
  {
    name: "Polish",
    charsets: [UTF8, "iso-8859-2", "windows-1250"],
    subjects: ["Zażalenie na opóźnienie", "Święta w górach"],
    sentences: ["Pociąg znów spóźnił się o dwadzieścia minut.", "Proszę przesłać mi zdjęcia z łódki."],
    writer: "Łukasz Wójcik",
    file: "zdjęcia z łódki",
  },
  {
    name: "Russian",
    charsets: ["koi8-r", "windows-1251", UTF8, "iso-8859-5"],
    subjects: ["Отчёт за неделю", "Встреча переносится"],
    sentences: [
      "Встреча переносится на пятницу, на три часа дня.",
      "Пришлите, пожалуйста, чертежи нового моста.",
      "Мы получили ваше письмо и ответим завтра.",
    ],
    writer: "Ирина Соколова",
    file: "отчёт за неделю",
  },
  {
    name: "Ukrainian",
    charsets: ["koi8-u", "windows-1251", UTF8],
    subjects: ["Вітання з Києва", "Новий розклад"],
    sentences: ["Новий розклад діє від понеділка.", "Їжа вже на столі, чекаємо на тебе."],
    writer: "Олена Гриценко",
    file: "новий розклад",
  },
  {
    name: "Greek",
    charsets: ["iso-8859-7", "windows-1253", UTF8],
    subjects: ["Πρόγραμμα της εβδομάδας", "Καλημέρα"],
    sentences: ["Το πλοίο φεύγει στις οκτώ το πρωί.", "Σας στέλνω τα έγγραφα που ζητήσατε."],
    writer: "Νίκος Παππάς",
    file: "έγγραφα",
  },
  {
    name: "Turkish",
    charsets: ["windows-1254", "iso-8859-9", UTF8],
    subjects: ["Yarınki görüşme", "Şirket gezisi"],
    sentences: ["Görüşme yarın öğleden sonra üçte başlıyor.", "Çocuklar ağacın altında oynuyor."],
    writer: "Gülşen Yıldız",
    file: "görüşme notları",
  },
  {
    name: "Hebrew",
    charsets: ["windows-1255", "iso-8859-8", UTF8],
    subjects: ["פגישה ביום ראשון", "שלום מחיפה"],
    sentences: ["הפגישה תתקיים ביום ראשון בשעה עשר.", "אנא שלחו לי את המסמכים עד מחר."],
    writer: "רחל לוי",
    file: "מסמכים",
  },
  {
    name: "Arabic",
    charsets: ["windows-1256", "iso-8859-6", UTF8],
    subjects: ["موعد الاجتماع", "تحية طيبة"],
    sentences: ["سيبدأ الاجتماع في الساعة التاسعة صباحا.", "أرجو أن ترسل لي الصور قبل يوم الخميس."],
    writer: "سليم حداد",
    file: "صور",
  },
  {
    name: "Japanese",
    charsets: ["iso-2022-jp", "shift_jis", "euc-jp", UTF8],
    subjects: ["会議のお知らせ", "写真を送ります"],
    sentences: [
      "明日の会議は午後三時から始まります。",
      "資料を添付しましたので、ご確認ください。",
      "駅の前で待っています。",
    ],
    writer: "山田花子",
    file: "会議資料",
  },
  {
    name: "Chinese (simplified)",
    charsets: ["gb18030", "gb2312", UTF8],
    subjects: ["明天的会议", "新年快乐"],
    sentences: ["会议改到星期四下午三点。", "请把上个月的报告发给我。"],
    writer: "王小明",
    file: "上个月的报告",
  },
  {
    name: "Chinese (traditional)",
    charsets: ["big5", UTF8],
    subjects: ["會議通知", "生日快樂"],
    sentences: ["會議改到星期四下午三點。", "請把照片寄給我。"],
    writer: "陳美玲",
    file: "會議通知",
  },
  {
    name: "Korean",
    charsets: ["euc-kr", UTF8],
    subjects: ["회의 안내", "사진을 보냅니다"],
    sentences: ["내일 회의는 오후 세 시에 시작합니다.", "자료를 첨부하니 확인해 주세요."],
    writer: "김민수",
    file: "회의 자료",
  },
  {
    name: "Thai",
    charsets: ["windows-874", UTF8],
    subjects: ["นัดประชุม", "สวัสดีปีใหม่"],
    sentences: ["การประชุมจะเริ่มเวลาเก้าโมงเช้า", "กรุณาส่งเอกสารมาให้ผมด้วย"],
    writer: "สมชาย ใจดี",
    file: "เอกสาร",
  },
  {
    name: "Hindi",
    charsets: [UTF8],
    subjects: ["कल की बैठक", "नमस्ते"],
    sentences: ["बैठक कल सुबह दस बजे शुरू होगी।", "कृपया मुझे तस्वीरें भेज दीजिए।"],
    writer: "अनिता शर्मा",
    file: "तस्वीरें",
  },
  {
    name: "Vietnamese",
    charsets: [UTF8],
    subjects: ["Lịch họp tuần tới", "Chúc mừng năm mới"],
    sentences: ["Cuộc họp sẽ bắt đầu lúc chín giờ sáng.", "Anh gửi cho em mấy tấm ảnh hôm qua nhé."],
    writer: "Nguyễn Thị Hương",
    file: "lịch họp",
  },
  {
    name: "emoji",
    charsets: [UTF8],
    subjects: ["🎉 It's done 🎉", "👍🏽"],
    sentences: ["See you at the beach 🏖️, the tide is low at four 🌊.", "👨‍👩‍👧‍👦 send their love ❤️"],
    writer: "Zoë 🦊",
    file: "beach 🏖",
  },
];

/** A text in a charset of the table above. */
export function octetsOf(text: string, charset: string): Bytes {
  const octets = encodeText(text, charset) ?? encodeWide(text, charset.toLowerCase());
  if (octets === undefined) throw new Error(`Cannot say ${JSON.stringify(text)} in ${charset}`);
  return octets;
}

const WIDE = new Map<string, ReadonlyMap<string, readonly number[]>>();

/** Charsets of one or two octets a character; ISO-2022-JP is EUC-JP in seven bits, between escapes (RFC 1468). */
function encodeWide(text: string, charset: string): Bytes | undefined {
  const isJis = charset === "iso-2022-jp";
  const table = wideTable(isJis ? "euc-jp" : charset);
  const out: number[] = [];
  let shifted = false;
  const shift = (on: boolean) => {
    if (isJis && on !== shifted) out.push(...utf8Encode(on ? "\x1b$B" : "\x1b(B"));
    shifted = on;
  };
  for (const char of text) {
    const octets = char < "\x80" ? [char.charCodeAt(0)] : table.get(char);
    if (octets === undefined) return undefined;
    shift(octets.length > 1);
    out.push(...(isJis ? octets.map((octet) => octet & 0x7f) : octets));
  }
  shift(false);
  return Uint8Array.from(out);
}

function wideTable(charset: string): ReadonlyMap<string, readonly number[]> {
  const known = WIDE.get(charset);
  if (known !== undefined) return known;
  // Decoded in one go: a line each, which no pair can swallow.
  const [leads, trails] = [0xfe - 0x81 + 1, 0xfe - 0x40 + 1];
  const octets = new Uint8Array(leads * trails * 3).fill(10);
  for (let i = 0; i < leads * trails; i++) {
    octets[3 * i] = 0x81 + Math.floor(i / trails);
    octets[3 * i + 1] = 0x40 + i % trails;
  }
  const table = new Map<string, readonly number[]>();
  new TextDecoder(charset).decode(octets).split("\n").forEach((char, i) => {
    const isOne = char.length === 1 && char !== "\ufffd";
    if (isOne && !table.has(char)) table.set(char, [octets[3 * i]!, octets[3 * i + 1]!]);
  });
  WIDE.set(charset, table);
  return table;
}
