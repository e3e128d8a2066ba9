//! Schedules in words, in both languages.

use carillon_core::lang::Lang;
use carillon_core::schedule::{DstRule, Schedule};

#[rustfmt::skip]
#[test]
fn schedules_are_told_in_words() {
    for (expression, english, chinese) in [
        ("30 2 * * *", "At 02:30 every day", "每天 02:30"),
        ("0 2,14 * * *", "At 02:00 and 14:00 every day", "每天 02:00、14:00"),
        ("* * * * *", "Every minute", "每分钟"),
        ("*/15 * * * *", "Every 15 minutes", "每 15 分钟"),
        ("7-59/15 * * * *", "Every 15 minutes from minute 7", "第 7 分起每 15 分钟"),
        ("0 * * * *", "Every hour on the hour", "每小时整点"),
        ("30 * * * *", "At minute 30 of every hour", "每小时第 30 分"),
        ("0 */2 * * *", "Every 2 hours on the hour", "每 2 小时整点"),
        ("15 1-23/2 * * *", "At minute 15 of every 2nd hour from hour 1", "01:00 起每 2 小时第 15 分"),
        ("0 9-17 * * MON-FRI", "Every hour on the hour from 09:00 to 17:00, Monday to Friday", "周一至周五 09:00 至 17:00 每小时整点"),
        ("*/15 9-17 * * MON-FRI", "Every 15 minutes from 09:00 to 17:59, Monday to Friday", "周一至周五 09:00 至 17:59 每 15 分钟"),
        ("0,30 8-12,14-18 * * 1-5", "At minutes 0 and 30 of hours 8 to 12 and 14 to 18, Monday to Friday", "周一至周五 08:00 至 12:59、14:00 至 18:59 第 0、30 分"),
        ("*/10 22-4 * * *", "Every 10 minutes from 22:00 to 04:59", "22:00 至次日 04:59 每 10 分钟"),
        ("* * * * * *", "Every second", "每秒"),
        ("*/10 * * * * *", "Every 10 seconds", "每 10 秒"),
        ("5,35 * * * * *", "At seconds 5 and 35 of every minute", "每分钟第 5、35 秒"),
        ("*/20 30 2 * * *", "At 02:30:00, 02:30:20 and 02:30:40 every day", "每天 02:30:00、02:30:20、02:30:40"),
        ("30 */5 * * * *", "At second 30 of every 5th minute", "每 5 分钟第 30 秒"),
        ("0 0 1,15 * *", "At 00:00, on days 1 and 15 of the month", "每月 1、15 日 00:00"),
        ("0 0 1 1 *", "At 00:00, on day 1 of January", "1 月 1 日 00:00"),
        ("0 0 1-7 * +MON", "At 00:00, on days 1 to 7 of the month if it is Monday", "每月 1 至 7 日且为周一 00:00"),
        ("0 0 13 * FRI", "At 00:00, on day 13 of the month or on Friday", "每月 13 日或周五 00:00"),
        ("0 0 */2 * *", "At 00:00, on every 2nd day from day 1 of the month", "每月 1 日起每 2 天 00:00"),
        ("0 0 L * *", "At 00:00, on the last day of the month", "每月最后一天 00:00"),
        ("0 0 L-3,15W,LW * *", "At 00:00, on the working day nearest to day 15 of the month, the day 3 days before the last of the month and the last working day of the month", "每月最接近 15 日的工作日、每月倒数第 4 天、每月最后一个工作日 00:00"),
        ("0 0 * * MON#2,FRIL", "At 00:00, on the 2nd Monday of the month and the last Friday of the month", "每月第 2 个周一、每月最后一个周五 00:00"),
        ("0 0 * * */2", "At 00:00, on Sunday, Tuesday, Thursday and Saturday", "周日、周二、周四、周六 00:00"),
        ("0 0 * * FRI-MON", "At 00:00, Friday to Monday", "周五至周一 00:00"),
        ("0 3 * NOV-FEB SUN", "At 03:00, on Sunday, from November to February", "11 月至次年 2 月周日 03:00"),
        ("0 3 1 */3 *", "At 03:00, on day 1 of January, April, July and October", "1 月、4 月、7 月、10 月 1 日 03:00"),
        ("0 0 0 1 1 * 2028-2032/2,2040", "At 00:00, on day 1 of January, in every 2nd year from 2028 to 2032 and 2040", "2028 至 2032 年每 2 年、2040 年 1 月 1 日 00:00"),
        ("@every 90s", "Every 1 minute and 30 seconds", "每隔 1 分钟 30 秒"),
        ("@every 1h", "Every hour", "每隔 1 小时"),
        ("@every 1d12h", "Every 1 day and 12 hours", "每隔 1 天 12 小时"),
        ("@at 2026-12-31T23:59:59", "Once, on 2026-12-31 at 23:59:59", "仅一次：2026-12-31 23:59:59"),
        ("@reboot", "At each start of the node", "节点每次启动时"),
        ("@manual", "Only when a person starts it", "仅手动执行"),
        ("@weekly", "At 00:00, on Sunday", "周日 00:00"),
        ("10 0-5 31 12 *", "At 00:10, 01:10, 02:10, 03:10, 04:10 and 05:10, on day 31 of December", "12 月 31 日 00:10、01:10、02:10、03:10、04:10、05:10"),
        ("0 0 13 * +MON,FRI", "At 00:00, on day 13 of the month if it is Monday or Friday", "每月 13 日且为周一、周五 00:00"),
        ("0 0 * 2 *", "At 00:00 every day, in February", "2 月每天 00:00"),
        ("*/5 * * 1-3 *", "Every 5 minutes, from January to March", "1 至 3 月每 5 分钟"),
        ("0 0 * 12-1 MON-FRI", "At 00:00, Monday to Friday, in December and January", "12 月、1 月周一至周五 00:00"),
        ("0 0 L 2 *", "At 00:00, on the last day of February", "2 月最后一天 00:00"),
        ("0 9 1 * MON-FRI", "At 09:00, on day 1 of the month or Monday to Friday", "每月 1 日或周一至周五 09:00"),
        ("15-45 3-8 * * *", "At minutes 15 to 45 of hours 3 to 8", "03:00 至 08:59 第 15 至 45 分"),
        ("0 8,9,10,12,14,16,18 * * *", "At 08:00 to 10:00, 12:00, 14:00, 16:00 and 18:00", "08:00 至 10:00、12:00、14:00、16:00、18:00 整点"),
    ] {
        let schedule = Schedule::parse(expression, "UTC", DstRule::Cron, 0).unwrap();
        assert_eq!(schedule.describe(Lang::En), english, "{expression}");
        assert_eq!(schedule.describe(Lang::Zh), chinese, "{expression}");
    }
}
