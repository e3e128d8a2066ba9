//! One stream of an attempt on its way to files: parts that follow each other, and an account of every byte that is in none of them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};

use crate::output_folder::{OutputFolder, Place};

/// Gaps told one by one; further ones are counted alone.
const GAPS_MAX: usize = 1000;

/// A stream and its parts.
#[derive(Debug)]
pub(crate) struct KeptStream {
    /// `out` or `err`.
    suffix: &'static str,
    file: Option<File>,
    /// Number and bytes of the parts that are there, the last of which is written to.
    parts: VecDeque<(u32, u64)>,
    /// Bytes that the command has written.
    position: u64,
    /// Bytes that are in no file, or not any more.
    pub(crate) lost: u64,
    gaps: Vec<Gap>,
}

/// Bytes that are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    from: u64,
    bytes: u64,
    pub(crate) why: String,
}

impl KeptStream {
    pub(crate) fn new(suffix: &'static str) -> Self {
        Self {
            suffix,
            file: None,
            parts: VecDeque::new(),
            position: 0,
            lost: 0,
            gaps: Vec::new(),
        }
    }

    /// Opens the first part, or the last one that an earlier runner has left.
    pub(crate) fn open(&mut self, place: &Place) -> io::Result<()> {
        let number = |rest: &str| match rest {
            "" => Some(1),
            rest => rest.strip_prefix('.')?.parse().ok(),
        };
        let found = place.find(self.suffix).into_iter();
        let mut parts: Vec<(u32, u64)> = found
            .filter_map(|(rest, bytes)| Some((number(&rest)?, bytes)))
            .collect();
        parts.sort_unstable();
        self.position = parts.iter().map(|part| part.1).sum();
        self.parts = parts.into();
        let last = self.parts.back().map_or(1, |part| part.0);
        let (file, bytes) = place.open(&self.name(last))?;
        if self.parts.is_empty() {
            self.parts.push_back((last, bytes));
        }
        self.file = Some(file);
        Ok(())
    }

    /// Writes what the command has written, as far as there is room for it.
    pub(crate) fn write(&mut self, bytes: &[u8], place: &Place, folder: &mut OutputFolder) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.write_some(rest, place, folder) {
                Ok(written) => rest = &rest[written..],
                Err(why) => return self.lose(rest.len() as u64, &why),
            }
        }
    }

    /// Counts bytes that were never written.
    pub(crate) fn lose(&mut self, bytes: u64, why: &str) {
        self.note(self.position, bytes, why);
        self.position += bytes;
    }

    /// What is missing, a line each.
    pub(crate) fn tell_gaps(&self) -> String {
        let line = |gap: &Gap| {
            let Gap { from, bytes, why } = gap;
            format!("{}: {bytes} bytes from {from} on: {why}\n", self.suffix)
        };
        self.gaps.iter().map(line).collect()
    }

    /// Why bytes are missing that were the first to be missed.
    pub(crate) fn first_gap(&self) -> Option<&Gap> {
        self.gaps.first()
    }

    fn write_some(
        &mut self,
        bytes: &[u8],
        place: &Place,
        folder: &mut OutputFolder,
    ) -> Result<usize, String> {
        let limits = folder.limits;
        if self
            .parts
            .back()
            .is_none_or(|part| part.1 >= limits.part_bytes)
        {
            self.begin_part(place, folder)
                .map_err(|error| error.to_string())?;
        }
        let Some((file, part)) = self.file.as_mut().zip(self.parts.back_mut()) else {
            return Err("its file could not be opened".to_owned());
        };
        let room = limits.part_bytes.saturating_sub(part.1).max(1);
        let length = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let length = usize::try_from(folder.make_room(length as u64)).unwrap_or(length);
        if length == 0 {
            return Err(format!(
                "the output of this node takes all of its {} bytes (output.node_mib)",
                limits.folder_bytes
            ));
        }
        let written = match file.write(&bytes[..length]) {
            Ok(0) => return Err("the device takes nothing".to_owned()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
            Err(error) => return Err(error.to_string()),
        };
        part.1 += written as u64;
        self.position += written as u64;
        folder.count(written as u64);
        Ok(written)
    }

    /// Goes on in the next part; the first ones go when all together are too long.
    fn begin_part(&mut self, place: &Place, folder: &mut OutputFolder) -> io::Result<()> {
        let next = self.parts.back().map_or(1, |part| part.0 + 1);
        let limits = folder.limits;
        let all = |parts: &VecDeque<(u32, u64)>| parts.iter().map(|part| part.1).sum::<u64>();
        while all(&self.parts) + limits.part_bytes > limits.stream_bytes
            && let Some((number, bytes)) = self.parts.pop_front()
        {
            folder.drop_file(place, &self.name(number), bytes);
            let from = self.position - all(&self.parts) - bytes;
            self.note(from, bytes, "its beginning was dropped (output.file_mib)");
        }
        let (file, bytes) = place.open(&self.name(next))?;
        self.file = Some(file);
        self.parts.push_back((next, bytes));
        Ok(())
    }

    fn note(&mut self, from: u64, bytes: u64, why: &str) {
        self.lost += bytes;
        if let Some(last) = self.gaps.last_mut()
            && last.from + last.bytes == from
            && last.why == why
        {
            last.bytes += bytes;
        } else if self.gaps.len() < GAPS_MAX {
            let why = why.to_owned();
            self.gaps.push(Gap { from, bytes, why });
        }
    }

    fn name(&self, part: u32) -> String {
        match part {
            1 => self.suffix.to_owned(),
            part => format!("{}.{part:04}", self.suffix),
        }
    }
}
