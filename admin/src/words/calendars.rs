//! Calendars: the list, and the page of one.

super::catalogue! {
    /// The list of calendars and the page of one.
    Calendars {
        title: "Calendars", "日历";
        story: "Named sets of blackouts. A job that keeps to one does not fire inside them: what is due is skipped, or fires once right after.", "停跑时段的集合。使用日历的作业在时段内不会触发：到期的触发被跳过，或在结束后立即触发一次。";
        new: "New calendar", "新建日历";
        create: "Create calendar", "创建日历";
        empty_title: "No calendars yet", "还没有日历";
        empty_story: "Holidays, maintenance windows, nights: write each as a line such as “12-25 Christmas” or “22:00 .. 06:00”, or take them from an iCalendar file.", "节假日、维护窗口、夜间：每行写一个，例如 “12-25 Christmas” 或 “22:00 .. 06:00”，也可从 iCalendar 文件导入。";
        blackouts: "Blackouts", "停跑时段";
        jobs: "Jobs", "作业";
        now: "Now", "当前";
        holds: "blackout", "停跑中";
        holds_not: "no blackout", "未停跑";
        next: "Next", "下次";
        begins: "begins {}", "{}开始";
        ends: "ends {}", "{}结束";
        none_coming: "none to come", "无后续时段";
        without_end: "without an end", "没有结束";
        name_help: "Jobs name it by this. Unique.", "作业以此名称引用。唯一。";
        name_taken: "another calendar has this name; choose another", "已有同名日历，请换一个";
        zone_help: "The clock that its lines mean.", "各行所指的时钟。";
        text_help: "One a line, with a name if you like: 2026-12-24 18:00 .. 2026-12-27 06:00 Year’s end; 12-25 Christmas; Sat 00:00 .. Mon 06:00; 22:00 .. 06:00. Lines that begin with # are comments.", "每行一个，可附名称：2026-12-24 18:00 .. 2026-12-27 06:00 年末；12-25 圣诞；Sat 00:00 .. Mon 06:00；22:00 .. 06:00。以 # 开头的行是注释。";
        look: "Check", "检查";
        wrong: "Some lines are not understood", "部分行无法识别";
        year: "The coming twelve months", "未来十二个月";
        year_alt: "days with blackouts, month by month", "逐月显示有停跑时段的日子";
        whole: "whole day", "全天";
        part: "part of the day", "部分时间";
        coming: "Coming blackouts", "即将到来的停跑时段";
        coming_none: "Nothing is blacked out.", "没有停跑时段。";
        until: "until {}", "直到 {}";
        kept_by: "Jobs that keep to it", "使用它的作业";
        affects: "Saving affects {} {job|jobs}.", "保存会影响 {} 个作业。";
        behind: "Still with the text before: {} of {} {job|jobs}; they follow within seconds.", "{} / {} 个作业尚未采用最新内容，将在数秒内完成。";
        hidden: "and {} more", "以及另外 {} 个";
        kept_by_none: "No job keeps to it yet. Choose it in the editor of a job.", "还没有作业使用它。可在作业编辑页选择。";
        import: "Take over an iCalendar file", "从 iCalendar 文件导入";
        import_help: "Paste the text of an .ics file. Its events are added as lines; nothing is saved until you save.", "粘贴 .ics 文件的内容。其事件会添加为行，保存前不会生效。";
        import_do: "Add its events", "添加事件";
        imported: "{} {line was|lines were} added below; look at {it|them} and save.", "已在下方添加 {} 行，请检查后保存。";
        remark: "Line {} of the file: {}", "文件第 {} 行：{}";
        conflict: "{} saved version {} while you were editing. Your text stands below, theirs here; saving now replaces theirs.", "您编辑期间，{} 已保存版本 {}。您的内容在下方，对方的在此；现在保存将覆盖对方的内容。";
        delete_story: "Only while no job keeps to it.", "仅当没有作业使用时可删除。";
        delete_refused: "Jobs keep to this calendar; give them another one or none first. They are named below.", "仍有作业使用该日历，请先为其更换或取消日历。作业列在下方。";
    }
}
