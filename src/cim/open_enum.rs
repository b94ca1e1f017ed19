//! Enums which keep the numbers they do not know.
//!
//! A host newer than this program answers with states nobody has a name for. Such a number is never taken for success
//! nor for failure: it is kept, shown as `Other(32790)` and written back as it came.

/// Declares an enum over an unsigned number with named variants and `Other(n)`.
///
/// A variant prints as its identifier, or as the text after `=>`. Comparison, order and hash are those of the number,
/// so `Other(2)` equals the variant that stands for 2. Two variants with one number draw an unreachable-pattern warning.
///
/// ```
/// hyperv_replica::open_enum! {
///     /// State of a job.
///     pub enum JobState: u16 {
///         /// Not yet started.
///         New = 2,
///         /// Done, with something to say.
///         CompletedWithWarnings = 32768 => "Completed with warnings",
///     }
/// }
///
/// assert_eq!(JobState::from(2), JobState::New);
/// assert_eq!(JobState::from(32768).to_string(), "Completed with warnings");
/// assert_eq!(JobState::from(99).to_string(), "Other(99)");
/// assert_eq!(JobState::from(99).value(), 99);
/// assert_eq!(JobState::from(99).name(), None);
/// ```
#[macro_export]
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident: $number:ty {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident = $value:literal $(=> $text:literal)?
            ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        $visibility enum $name {
            $(
                $(#[$variant_meta])*
                #[doc = concat!("(", stringify!($value), ")")]
                $variant,
            )+
            /// A number without a name here.
            Other($number),
        }

        #[allow(dead_code, reason = "not every user of the macro needs every method")]
        impl $name {
            /// Every variant that has a name, in the order of declaration.
            $visibility const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The number as it stands on the wire.
            #[must_use]
            $visibility const fn value(self) -> $number {
                match self {
                    $(Self::$variant => $value,)+
                    Self::Other(number) => number,
                }
            }

            /// The printed name, or nothing for a number without one.
            #[must_use]
            $visibility const fn name(self) -> Option<&'static str> {
                match self.value() {
                    $($value => Some($crate::open_enum!(@name $variant $($text)?)),)+
                    _ => None,
                }
            }
        }

        impl ::core::convert::From<$number> for $name {
            fn from(number: $number) -> Self {
                match number {
                    $($value => Self::$variant,)+
                    other => Self::Other(other),
                }
            }
        }

        impl ::core::convert::From<$name> for $number {
            fn from(value: $name) -> Self {
                value.value()
            }
        }

        impl $crate::cim::FromProperty for $name {
            fn read(
                instance: &$crate::cim::InstanceView<'_>,
                name: &str,
            ) -> ::core::result::Result<Self, $crate::cim::CimError> {
                <$number as $crate::cim::FromProperty>::read(instance, name).map(Self::from)
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => f.pad(&format!("Other({})", self.value())),
                }
            }
        }

        impl ::core::cmp::PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.value() == other.value()
            }
        }

        impl ::core::cmp::Eq for $name {}

        impl ::core::cmp::Ord for $name {
            fn cmp(&self, other: &Self) -> ::core::cmp::Ordering {
                self.value().cmp(&other.value())
            }
        }

        impl ::core::cmp::PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<::core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl ::core::hash::Hash for $name {
            fn hash<H: ::core::hash::Hasher>(&self, state: &mut H) {
                ::core::hash::Hash::hash(&self.value(), state);
            }
        }
    };
    (@name $variant:ident) => { stringify!($variant) };
    (@name $variant:ident $text:literal) => { $text };
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    open_enum! {
        /// A colour.
        pub enum Colour: u16 {
            /// Like fire.
            Red = 2,
            DarkBlue = 0x8000 => "dark blue",
        }
    }

    open_enum! {
        enum Big: u32 { Zero = 0, Started = 4096 }
    }

    #[test]
    fn names_numbers_and_the_unknown() {
        assert_eq!(Colour::from(2).to_string(), "Red");
        assert_eq!(Colour::from(32768), Colour::DarkBlue);
        assert_eq!(Colour::DarkBlue.to_string(), "dark blue");
        assert_eq!(format!("{:>10}|{:<10}|", Colour::Red, Colour::Other(7)), "       Red|Other(7)  |");
        assert_eq!(Colour::from(32790).to_string(), "Other(32790)");
        assert_eq!(Colour::from(32790).name(), None);
        assert_eq!(Colour::ALL, [Colour::Red, Colour::DarkBlue]);
        assert_eq!(u32::from(Big::Started), 4096);
        assert_eq!(Big::from(0), Big::Zero);
    }

    #[test]
    fn a_number_is_one_value_however_it_was_written() {
        assert_eq!(Colour::Other(2), Colour::Red);
        assert!(HashSet::from([Colour::Red]).contains(&Colour::Other(2)));
        assert!(Colour::Red < Colour::Other(3));
    }

    proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn every_number_survives(number: u16) {
            prop_assert_eq!(Colour::from(number).value(), number);
        }
    }
}
