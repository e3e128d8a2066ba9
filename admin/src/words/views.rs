//! Saved views of lists.

super::catalogue! {
    /// Saved views of lists.
    Views {
        title: "Saved views", "已保存的视图";
        save: "Save this view", "保存此视图";
        name: "Name of the view", "视图名称";
        audience: "Who sees it", "可见范围";
        own: "only me", "仅自己";
        group: "whoever sees {}", "可查看分组 {} 的人";
        everybody: "everybody", "所有人";
        by: "by {}", "由 {} 共享";
        remove: "Remove the view {}", "删除视图 {}";
        name_rule: "the name of a view has 1 to {} {character|characters}; got {}", "视图名称须为 1 到 {} 个字符，收到 {} 个";
        no_filter: "there is no filter to keep; filter the list first", "没有可保存的筛选条件，请先筛选列表";
        filter_long: "the filter has {} {character|characters}, the limit is {}; shorten it", "筛选条件有 {} 个字符，上限为 {}，请缩短";
    }
}
